package inputs

import (
	"context"
	"fmt"
	"slices"

	"cloudseed/config"
	"cloudseed/python"
	"cloudseed/secret"
	"cloudseed/userdata"
)

// UserData is what the seed asks for beside its metadata, taken apart. User data comes
// first, since it may switch vendor data off.
type UserData struct {
	Sources []Source
	Config  *config.Config // the system's configuration with that of the sources over it
}

// Source is one kind of data that a seed may hold.
type Source struct {
	Name      string // as messages call it: "user-data"
	Raw       []byte
	Result    userdata.Result
	Idle      bool   // nothing is done with it
	RawFile   string // in the instance's directory, by cloud-init's names
	PartsFile string
	Config    string // the merged cloud-config
	Scripts   string // where its scripts go
}

// UserData takes the seed's data apart and puts its cloud-config over the system's. It
// changes nothing on the machine.
func (r *Reader) UserData(ctx context.Context, how How) *UserData {
	r.how = how
	ctx, cancel := context.WithTimeoutCause(ctx, includeTime, fmt.Errorf("all that user data includes was not there within %s", includeTime))
	defer cancel()
	user := r.readUser(ctx)
	system := slices.Clone(r.systemLayers())
	over := config.New(slices.Concat(system, user.layer())...)
	vendor := r.readVendor(ctx, over, "vendor_data", Source{
		Name: "vendor-data", Raw: vendorText(r.seed.VendorData), Config: "vendor-cloud-config.txt",
	}, r.seed.VendorData)
	vendor2 := r.readVendor(ctx, over, "vendor_data2", Source{
		Name: "vendor-data2", Raw: vendorText(r.seed.VendorData2), Config: "vendor2-cloud-config.txt",
	}, r.seed.VendorData2)
	return &UserData{
		Sources: []Source{user, vendor, vendor2},
		Config:  config.New(r.withFiles(slices.Concat(system, vendor.layer(), vendor2.layer(), user.layer()))...),
	}
}

// Program names a program of the user's that runs when user data is applied: a boothook, or a
// part handler; "" if there is none.
func (u *UserData) Program() string {
	for _, s := range u.Sources {
		if s.Idle {
			continue
		}
		if len(s.Result.Boothooks) > 0 {
			return "a boothook of " + s.Name
		}
		// Handlers are not among those of the result before they were asked for their types.
		isHandler := func(p userdata.Part) bool { return p.Type == userdata.TypePartHandler }
		if len(s.Result.Handlers) > 0 || slices.ContainsFunc(s.Result.Parts, isHandler) {
			return "a part handler of " + s.Name
		}
	}
	return ""
}

// layer is the source's configuration, if it has any.
func (s Source) layer() []config.Layer {
	if s.Result.CloudConfig == nil {
		return nil
	}
	return []config.Layer{{Name: s.Name, Value: s.Result.CloudConfig}}
}

func (r *Reader) readUser(ctx context.Context) Source {
	s := Source{
		Name: "user-data", Raw: r.seed.UserData.Reveal(), RawFile: "user-data.txt", PartsFile: "user-data.txt.i",
		Config: "cloud-config.txt", Scripts: "scripts",
	}
	system := r.System()
	if allowed := system.Get("allow_userdata"); allowed != nil && !isTrue(allowed) {
		r.o.Log.Warn("user data is ignored, as " + system.Where("allow_userdata") + " says")
		s.Idle = true
	}
	s.Result = r.process(ctx, s, []secret.Bytes{r.seed.UserData}, nil)
	return s
}

// readVendor takes vendor data apart. What is over it, the system's configuration and
// the user's, may switch it off, or leave out parts of some types.
func (r *Reader) readVendor(ctx context.Context, over *config.Config, key string, s Source, blobs []secret.Bytes) Source {
	s.RawFile, s.PartsFile, s.Scripts = s.Name+".txt", s.Name+".txt.i", "scripts/vendor"
	settings := over.Get(key)
	switch {
	case len(blobs) == 0:
		s.Idle = true
	case settings != nil && settings.Kind() != config.Map:
		r.o.Log.Info("vendor data is switched off", "by", over.Where(key)) // the check of the keys says what is wrong with it
		s.Idle = true
	case !isTrue(settings.Get("enabled")):
		r.o.Log.Info("vendor data is switched off", "by", over.Where(key+".enabled"))
		s.Idle = true
	}
	s.Result = r.process(ctx, s, blobs, textsOf(settings.Get("disabled_handlers")))
	return s
}

// isTrue tells truth, however it is written.
func isTrue(v *config.Value) bool {
	value, ok := config.AsBool(v)
	return ok && value
}

// textsOf are the texts of a list, or one text alone.
func textsOf(v *config.Value) []string {
	if v.Kind() == config.String {
		return []string{v.Text()}
	}
	var all []string
	for _, item := range v.Items() {
		all = append(all, item.Text())
	}
	return all
}

// process takes data apart. Its problems are reported by the stage that applies it,
// in consume: every stage reads it again.
func (r *Reader) process(ctx context.Context, s Source, blobs []secret.Bytes, leaveOut []string) userdata.Result {
	o := userdata.Options{
		KnownKeys: r.o.KnownKeys, Fetch: r.include, TypesOf: r.typesOf, FirstHandler: firstHandler[s.Name],
		LeaveOut: leaveOut, Idle: s.Idle, Variables: r.variables,
	}
	if !s.Idle {
		o.Handlers = r.systemHandlers(ctx)
	}
	if s.Name == "user-data" {
		o.LaunchIndex = r.seed.LaunchIndex // vendor data is for all machines
	}
	return userdata.ProcessList(ctx, s.Name, blobs, o)
}

// vendorText is vendor data in one file, as cloud-init keeps it: a list in JSON.
//
// Difference from cloud-init: a list of one item is that item.
func vendorText(blobs []secret.Bytes) []byte {
	if len(blobs) < 2 {
		return joined(blobs)
	}
	texts := make([]string, len(blobs))
	for i, blob := range blobs {
		texts[i] = string(blob.Reveal())
	}
	return python.JSON(texts)
}

func joined(blobs []secret.Bytes) []byte {
	var all []byte
	for _, blob := range blobs {
		all = append(all, blob.Reveal()...)
	}
	return all
}

// firstHandler numbers the part handlers of each kind of data.
//
// Difference from cloud-init: there each kind begins with 0, and takes the file of the
// one before.
var firstHandler = map[string]int{"user-data": 0, "vendor-data": 100, "vendor-data2": 200}
