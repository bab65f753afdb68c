package netconf

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The tables are those that cloud-init 26.2 printed on the same machine.
func TestTheTablesOfAddressesAndRoutesAreCloudInits(t *testing.T) {
	t.Parallel()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the routes below are those of a little-endian machine")
	}
	got := addressTable([]Interface{
		{Name: "lo", Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}},
		{Name: "ifb0", MAC: "46:ca:3f:a8:d8:1e"},
		{Name: "eth0", Up: true, MAC: "02:fc:00:00:00:01", Addresses: []netip.Prefix{
			netip.MustParsePrefix("fd00::2/64"), netip.MustParsePrefix("192.0.2.2/24"), netip.MustParsePrefix("fe80::fc:ff:fe00:1/64"),
		}},
	}) + routeTable4(`Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`) + routeTable6(`fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo
fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001     eth0
`)
	const want = `ci-info: ++++++++++++++++++++++++++++++++++++Net device info++++++++++++++++++++++++++++++++++++
ci-info: +--------+-------+-----------------------+---------------+--------+-------------------+
ci-info: | Device |   Up  |        Address        |      Mask     | Scope  |     Hw-Address    |
ci-info: +--------+-------+-----------------------+---------------+--------+-------------------+
ci-info: |  eth0  |  True |       192.0.2.2       | 255.255.255.0 | global | 02:fc:00:00:00:01 |
ci-info: |  eth0  |  True |       fd00::2/64      |       .       | global | 02:fc:00:00:00:01 |
ci-info: |  eth0  |  True | fe80::fc:ff:fe00:1/64 |       .       |  link  | 02:fc:00:00:00:01 |
ci-info: |  ifb0  | False |           .           |       .       |   .    | 46:ca:3f:a8:d8:1e |
ci-info: |   lo   |  True |       127.0.0.1       |   255.0.0.0   |  host  |         .         |
ci-info: |   lo   |  True |        ::1/128        |       .       |  host  |         .         |
ci-info: +--------+-------+-----------------------+---------------+--------+-------------------+
ci-info: ++++++++++++++++++++++++++++Route IPv4 info++++++++++++++++++++++++++++
ci-info: +-------+-------------+-----------+---------------+-----------+-------+
ci-info: | Route | Destination |  Gateway  |    Genmask    | Interface | Flags |
ci-info: +-------+-------------+-----------+---------------+-----------+-------+
ci-info: |   0   |   0.0.0.0   | 192.0.2.1 |    0.0.0.0    |    eth0   |   UG  |
ci-info: |   1   |  192.0.2.0  |  0.0.0.0  | 255.255.255.0 |    eth0   |   U   |
ci-info: +-------+-------------+-----------+---------------+-----------+-------+
ci-info: +++++++++++++++++++Route IPv6 info+++++++++++++++++++
ci-info: +-------+-------------+---------+-----------+-------+
ci-info: | Route | Destination | Gateway | Interface | Flags |
ci-info: +-------+-------------+---------+-----------+-------+
ci-info: |   0   |  fd00::/64  |    ::   |    eth0   |   U   |
ci-info: |   1   |  fe80::/64  |    ::   |    eth0   |   U   |
ci-info: |   2   |     ::/0    | fd00::1 |    eth0   |   UG  |
ci-info: |   4   |    local    |    ::   |    eth0   |   U   |
ci-info: |   5   |  multicast  |    ::   |    eth0   |   U   |
ci-info: +-------+-------------+---------+-----------+-------+
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tables differ (-want +got):\n%s", diff)
	}
}
