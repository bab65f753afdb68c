package differential

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/config/yaml"
	"cloudseed/host/hosttest"
	"cloudseed/state"
	"cloudseed/test/differential/cloudinit"
)

// userInput is what both agents are given in place of a seed.
type userInput struct {
	name    string
	user    []byte
	vendor  string            // what vendor_data.json holds; "": there is none
	vendor2 string            // and vendor_data2.json
	index   *int              // the machine's launch index
	system  string            // a file of the system's configuration
	files   map[string][]byte // what can be included, by absolute paths
}

// instanceID is the instance of all inputs.
const instanceID = "i-0001"

// systemBase is the system's configuration below the input's own: no module runs, and
// the network is unchanged. What it holds of vendor data is built into both agents.
const systemBase = `allow_userdata: true
cloud_config_modules: []
cloud_final_modules: []
cloud_init_modules: []
datasource_list: [ConfigDrive]
network: {config: disabled}
vendor_data: {enabled: true, prefix: []}
vendor_data2: {enabled: true, prefix: []}
`

// bothUserData gives what cloud-init made of an input and what cloudseed did. Their
// files are those of the instance, the scripts of all instances, and three made up here:
// of each message the parts as cloud-init's own reader finds them, the configuration
// merged from all layers, and what boothooks were run with.
func bothUserData(t testing.TB, in userInput) (their, our outcome) {
	t.Helper()
	our, kept := consume(t, in)
	request := cloudinit.UserData{
		Instance: instanceID, User: in.user, Vendor: json.RawMessage("null"), Vendor2: json.RawMessage("null"), Index: in.index,
		System: []string{in.system, systemBase}, Files: in.files, Messages: kept.messages, InstanceData: kept.instanceData,
	}
	if in.vendor != "" {
		request.Vendor = json.RawMessage(in.vendor)
	}
	if in.vendor2 != "" {
		request.Vendor2 = json.RawMessage(in.vendor2)
	}
	result, err := real.Consume(request)
	if err != nil {
		t.Fatalf("%s: %v", in.name, err)
	}
	their = outcome{files: map[string]string{}, err: result.Error}
	for file, f := range result.Files {
		if !strings.HasSuffix(file, ".txt.i") { // a message is compared by its parts
			their.files[f.Mode+file] = string(f.Content)
		}
	}
	addParts(their, result.Parts)
	addParts(our, result.Messages)
	their.files["configuration"] = strings.TrimSuffix(strings.TrimPrefix(result.Config, "---\n"), "...\n")
	their.files["boothooks"] = lines(result.Hooks)
	return their, our
}

func addParts(o outcome, messages map[string][]cloudinit.Part) {
	for name, parts := range messages {
		if len(parts) == 1 && parts[0].Type == "text/x-not-multipart" && len(parts[0].Content) == 0 {
			continue // cloud-init's message of no parts has one that is empty
		}
		for i, part := range parts {
			headers, err := json.Marshal(part.Headers)
			if err != nil {
				panic(err) // they are texts
			}
			file := fmt.Sprintf("%s, part %d", name, i+1)
			o.files[file] = fmt.Sprintf("type: %s\nname: %s\nheaders: %s\n\n%s", part.Type, part.Filename, headers, part.Content)
		}
	}
}

func lines(list []string) string {
	var b strings.Builder
	for _, line := range list {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// kept is what cloudseed keeps, and cloud-init is to read.
type kept struct {
	messages     map[string][]byte // MIME messages
	instanceData []byte            // which templates of both are filled in with
}

// consume has cloudseed apply an input on a machine of the test's own, from a config
// drive, as a boot does.
func consume(t testing.TB, in userInput) (outcome, kept) {
	t.Helper()
	m := hosttest.New(t)
	seed := t.TempDir()
	put := func(root, file, text string) {
		file = filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	metadata := map[string]any{"uuid": instanceID, "meta": map[string]string{"dsmode": "local", "rack-number": "r7"}, "ports": []int{80, 443}}
	if in.index != nil {
		metadata["launch-index"] = *in.index
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		t.Fatal(err)
	}
	put(seed, "openstack/latest/meta_data.json", string(text))
	put(seed, "openstack/latest/user_data", string(in.user))
	if in.vendor != "" {
		put(seed, "openstack/latest/vendor_data.json", in.vendor)
	}
	if in.vendor2 != "" {
		put(seed, "openstack/latest/vendor_data2.json", in.vendor2)
	}
	put(m.Dir, "/etc/cloud/cloud.cfg", systemBase)
	put(m.Dir, "/etc/cloud/cloud.cfg.d/90_case.cfg", in.system)
	for file, content := range in.files {
		put(m.Dir, file, string(content))
	}
	options := boot.Options{Host: m.Host, Log: slog.New(slog.DiscardHandler), Seed: seed, SeedName: "seed"}
	boot.New(options).Run(t.Context(), state.StageLocal)
	configuration, err := boot.New(options).Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := outcome{files: map[string]string{"configuration": string(yaml.Dump(configuration.Root()))}}
	var hooks []string
	for _, call := range m.Calls() {
		if hook, ok := strings.CutPrefix(call.Line(), state.CloudDir); ok {
			hooks = append(hooks, strings.Join(append([]string{hook}, call.Env...), " "))
		}
	}
	o.files["boothooks"] = lines(hooks)
	keeps := kept{messages: map[string][]byte{}, instanceData: []byte(m.Text(t, state.RunDir+"/instance-data-sensitive.json"))}
	for _, folder := range []string{state.InstanceDir(instanceID), state.CloudDir + "/scripts"} {
		root := filepath.Join(m.Dir, folder)
		err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			name := strings.TrimPrefix(file, root)
			if isOwn(name) {
				return nil
			}
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if strings.HasSuffix(name, ".txt.i") {
				keeps.messages[strings.TrimPrefix(name, "/")] = content
				return nil
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			inCloud := path.Join(strings.TrimPrefix(folder, state.CloudDir), name)
			o.files[fmt.Sprintf("%04o%s", info.Mode().Perm(), inCloud)] = string(bytes.Clone(content))
			return nil
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return o, keeps
}

// isOwn tells files of the instance that user data is not the reason for, or that are
// cloudseed's alone.
func isOwn(name string) bool {
	return name == "/seed.json" || name == "/datasource" || name == "/network-config.json" ||
		strings.HasPrefix(name, "/sem/") || strings.HasPrefix(name, "/data/includes/")
}
