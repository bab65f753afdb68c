package datasource

// DMIFields are the fields of SMBIOS by dmidecode's names, and those that the kernel has
// for the same in /sys/class/dmi/id.
var DMIFields = map[string]string{
	"baseboard-asset-tag": "board_asset_tag", "baseboard-manufacturer": "board_vendor", "baseboard-product-name": "board_name",
	"baseboard-serial-number": "board_serial", "baseboard-version": "board_version", "bios-release-date": "bios_date",
	"bios-vendor": "bios_vendor", "bios-version": "bios_version", "chassis-asset-tag": "chassis_asset_tag",
	"chassis-manufacturer": "chassis_vendor", "chassis-serial-number": "chassis_serial", "chassis-version": "chassis_version",
	"system-manufacturer": "sys_vendor", "system-product-name": "product_name", "system-serial-number": "product_serial",
	"system-uuid": "product_uuid", "system-version": "product_version",
}
