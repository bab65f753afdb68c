package differential

// seedDifferences are those of the instance data of the seeds of our own.
var seedDifferences = []difference{
	{"configdrive/as-nova-writes-it", "instancedata", "secrets in metadata are in the world-readable instance-data.json"},
	{"configdrive/with-a-random-seed", "instancedata", "secrets in metadata are in the world-readable instance-data.json"},
	{"configdrive/with-an-empty-network", "instancedata", "`network_data.json` of `{}` means no network at all"},
	{"configdrive/with-exponents", "instancedata", "`1e3` in JSON is a number"},
	{"configdrive/with-vendor-data-in-its-metadata", "instancedata", "secrets in metadata are in the world-readable instance-data.json"},
	{"nocloud/with-a-password", "instancedata", "secrets in metadata are in the world-readable instance-data.json"},
	{"nocloud/with-a-random-seed", "instancedata", "secrets in metadata are in the world-readable instance-data.json"},
	{"nocloud/with-a-set", "instancedata", "dates and sets are replaced by a warning"},
	{"nocloud/with-an-id-of-null", "instancedata", "an `instance-id` of null is the instance `None`"},
	{"nocloud/with-dates", "instancedata", "dates and sets are replaced by a warning"},
	{"nocloud/with-half-a-character", "instancedata", "halves of characters"},
	{"nocloud/with-keys-of-different-types", "instancedata", "keys of different types beside each other leave no instance data"},
	{"nocloud/with-keys-that-are-no-texts", "instancedata", "a key of null is `null`"},
	{"nocloud/with-numbers-that-json-has-not", "instancedata", "`.inf` and `.nan` make files that are no JSON"},
}
