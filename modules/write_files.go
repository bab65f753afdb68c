package modules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/accounts"
	"cloudseed/host"
	"cloudseed/modules/cloudconfig"
	"cloudseed/python"
	"cloudseed/secret"
	"cloudseed/state"
)

type writeFilesKeys struct {
	WriteFiles []fileEntry `key:"write_files" doc:"files to write"`
}

type fileEntry struct {
	Path        string          `key:"path" doc:"where the file is written; missing directories are made, and belong to its owner"`
	Content     *config.Value   `key:"content" takes:"text" doc:"what the file holds; without it the file is empty"`
	Source      fileSource      `key:"source" doc:"where to get the content; the key content is used if that fails"`
	Encoding    contentEncoding `key:"encoding" doc:"how content is encoded" enum:"text/plain|b64|base64|gz|gzip|gz+b64|gz+base64|gzip+b64|gzip+base64" default:"text/plain"`
	Owner       *config.Value   `key:"owner" takes:"text" doc:"user, user:group or :group" default:"root:root"`
	Permissions *config.Value   `key:"permissions" takes:"text" doc:"the file's mode as chmod takes it, in quotes" default:"'0644'"`
	Append      bool            `key:"append" doc:"add the content at the end of the file" default:"false"`
	Defer       bool            `key:"defer" doc:"write the file late in the boot, after users are made and packages installed" default:"false"`
}

// file is the path of the entry's file: one that is not absolute starts at the root.
func (f fileEntry) file() string { return path.Join("/", f.Path) }

type fileSource struct {
	URI     string                 `key:"uri" doc:"an http, https or file URL, or a path"`
	Headers config.Ordered[string] `key:"headers" doc:"HTTP headers to send"`
	SHA256  string                 `key:"sha256" doc:"the SHA-256 digest of what is fetched, in hexadecimal; anything else is not written"`
}

var (
	writeFiles = Of[writeFilesKeys]{
		Name: "write_files", Stage: InitStage, Frequency: state.PerInstance, ActiveIf: []string{"write_files"}, Repeatable: true,
		Doc: "Writes files. It runs before users are made and packages installed: a file that needs them has the key defer. " +
			"One whose owner does not exist yet is put off in the same way.",
		Example: "write_files:\n  - path: /etc/motd\n    content: Welcome\n  - path: /home/alice/.profile\n    content: umask 077\n    owner: alice:alice\n    append: true\n    defer: true\n",
		Network: func(_ *Env, keys *writeFilesKeys) NetworkUse {
			fetched := func(f fileEntry) bool { return !f.Defer && f.Source.URI != "" && !isLocal(f.Source.URI) }
			if slices.ContainsFunc(keys.WriteFiles, fetched) {
				return NeedsNetwork
			}
			return NoNetwork
		},
		Check: checkWriteFiles,
		Run: func(ctx context.Context, e *Env, keys *writeFilesKeys) error {
			return runWriteFiles(ctx, e, keys, false)
		},
	}.Module()
	writeFilesDeferred = Of[writeFilesKeys]{
		Name: "write_files_deferred", Stage: FinalStage, CheckedBy: "write_files", Frequency: state.PerInstance, ActiveIf: []string{"write_files"}, Repeatable: true,
		Doc: "Writes the files of write_files that are deferred or were put off.",
		Run: func(ctx context.Context, e *Env, keys *writeFilesKeys) error {
			return runWriteFiles(ctx, e, keys, true)
		},
	}.Module()
)

// runWriteFiles is one of the two passes over the list. What is wrong with a file
// costs that file only.
//
// Difference from cloud-init: there the first file that cannot be written ends the
// module, and the files after it are not written either.
func runWriteFiles(ctx context.Context, e *Env, keys *writeFilesKeys, deferred bool) error {
	var late, putOff []int
	var err error
	if deferred {
		late, err = loadPutOff(e)
	}
	if err != nil {
		return err
	}
	items := e.At("write_files").Items()
	done, err := doneBefore(e, keys.WriteFiles)
	if err != nil {
		return err
	}
	for i, entry := range keys.WriteFiles {
		w := fileWrite{fileEntry: entry, env: e, index: i, at: items[i], late: deferred, done: i < done && !entry.Append}
		if w.at.Kind() != config.Map || deferred != (w.Defer || slices.Contains(late, i)) {
			continue
		}
		// What comes later in the list for the same file is to stay later.
		err := errPutOff
		if !slices.ContainsFunc(putOff, func(j int) bool { return keys.WriteFiles[j].file() == w.file() }) {
			err = w.write(ctx)
		}
		if errors.Is(err, errPutOff) {
			putOff = append(putOff, i)
		} else if err != nil {
			w.at.Errorf("%v", err)
		}
	}
	return savePutOff(e, putOff)
}

// checkWriteFiles tells what can be told of the files without a machine.
func checkWriteFiles(e *Env, keys *writeFilesKeys) {
	items := e.At("write_files").Items()
	for i, entry := range keys.WriteFiles {
		w := fileWrite{fileEntry: entry, env: e, index: i, at: items[i]}
		if w.at.Kind() != config.Map {
			continue
		}
		if w.Path == "" {
			w.at.Warnf("there is no path; nothing was written")
		}
		if _, wrong := w.mode(); wrong != "" {
			w.at.Path("permissions").Warnf("%s", wrong)
		}
		if w.Source.SHA256 != "" {
			w.checkDigest()
		}
		if _, err := w.own(); err != nil {
			w.at.Path("content").Errorf("%v", err)
		}
	}
}

// fileWrite is the writing of one file of the list.
type fileWrite struct {
	fileEntry
	env   *Env
	index int
	at    config.Cursor
	late  bool // this is the deferred pass
	done  bool // it was written before a power cut
}

// errPutOff says that a file's owner does not exist yet.
var errPutOff = errors.New("the owner does not exist yet")

// doneBefore is the index of the entry up to which a run that a power cut ended had written
// all files: that of the last one that it began to add to. Only adding is a step, since only
// that does harm when it is repeated; but to write a file anew would undo what was added.
func doneBefore(e *Env, entries []fileEntry) (index int, err error) {
	for i, entry := range entries {
		if !entry.Append {
			continue
		}
		standing, err := e.standing(strconv.Itoa(i))
		if err != nil {
			return 0, err
		}
		if standing != state.NotRun {
			index = i
		}
	}
	return index, nil
}

func (w *fileWrite) write(ctx context.Context) error {
	if w.Path == "" || w.done {
		return nil
	}
	file, step := w.file(), strconv.Itoa(w.index)
	standing, err := w.standing(step)
	if err != nil || standing == state.Done {
		return err
	}
	if user := w.futureHome(ctx, file); user != "" {
		w.at.Under(w.at.Get("path")).Notef("it is below the home directory of %s, and is written after that user is created", user)
		return errPutOff
	}
	owner, err := w.owner(ctx, file)
	if err != nil {
		return err
	}
	content, ok := w.content(ctx)
	if !ok {
		return nil
	}
	if !w.Append {
		return w.put(file, content, owner)
	}
	if err := w.env.undone(w.env.begin(step)); err != nil {
		return err
	}
	// Else the power went after the file was in place.
	if standing != state.Interrupted || !w.endsWith(file, content, owner) {
		if err := w.put(file, content, owner); err != nil {
			return err
		}
	}
	return errors.Join(w.env.Host.Sync(), w.env.end(step))
}

func (w *fileWrite) standing(step string) (state.Standing, error) {
	if !w.Append {
		return state.NotRun, nil
	}
	return w.env.standing(step)
}

// endsWith reports whether a file ends with what was to be added, so that it is not
// added again. It is wrong only if it ended so before, and the power went in the
// instant before the same was added once more.
func (w *fileWrite) endsWith(file string, content []byte, owner host.Owner) bool {
	data, err := w.env.Host.ReadOwned(file, owner.UID, host.MaxRead)
	return err == nil && strings.HasSuffix(string(data), string(content))
}

// put makes the directories, which are the owner's too, and the file.
func (w *fileWrite) put(file string, content []byte, owner host.Owner) error {
	if err := w.env.Host.Mkdir(path.Dir(file), 0o755, owner); err != nil {
		return err
	}
	mode, _ := w.mode()
	f := host.File{Mode: mode, Owner: owner, Secret: true}
	write := w.env.Host.WriteFile
	if w.Append {
		write = w.env.Host.AppendFile
	}
	_, err := write(file, content, f)
	return err
}

// owner is the user and group that the file is to have. What the key leaves open
// stays as it is with an existing file, and is root's with a new one.
//
// Difference from cloud-init: a file whose owner does not exist is written in the
// deferred pass instead, when the users of the user data are there. If they still
// are not, it is written as root's, and that is an error.
//
// Difference from cloud-init: numbers are taken, as chown(1) does.
func (w *fileWrite) owner(ctx context.Context, file string) (owner host.Owner, err error) {
	if info, err := w.env.Host.Stat(file); err == nil {
		owner = w.env.Host.Owner(file, info)
	}
	want := "root:root"
	if w.at.Get("owner").Value() != nil {
		want = "" // null: as it is
		if !w.Owner.IsNull() {
			want = w.Owner.Text()
		}
	}
	user, group, _ := strings.Cut(want, ":")
	if user = strings.TrimSpace(user); isName(user) {
		if found, err := w.env.Host.FindOwner(ctx, user, ""); err == nil {
			owner.UID = found.UID
		} else if err = w.missing(err); err != nil {
			return owner, err
		}
	}
	if group = strings.TrimSpace(group); isName(group) {
		if found, err := w.env.Host.FindOwner(ctx, "", group); err == nil {
			owner.GID = found.GID
		} else if err = w.missing(err); err != nil {
			return owner, err
		}
	}
	return owner, nil
}

// futureHome is the user, if any, whose home directory the file is in and whom the same
// configuration is still to create. useradd fills only a home that is not there yet.
//
// Difference from cloud-init: it makes the directory, which then belongs to root and has
// nothing of /etc/skel.
func (w *fileWrite) futureHome(ctx context.Context, file string) string {
	if w.late {
		return ""
	}
	wanted := cloudconfig.WantedUsers(w.env.Config.Root(), w.env.Instance.DefaultUser)
	for i := range wanted {
		name, home := wanted[i].Name, ""
		if v := wanted[i].Get("homedir"); v.Kind() == config.String {
			home = v.Text()
		}
		if home = accounts.HomeOf(name, home); strings.HasPrefix(file, strings.TrimSuffix(home, "/")+"/") && !accounts.HasUser(ctx, w.env.Host, name) {
			return name
		}
	}
	return ""
}

// missing judges why a user or group was not found: it may come to be, or this was
// the last chance.
func (w *fileWrite) missing(err error) error {
	var unknown host.UnknownError
	if !errors.As(err, &unknown) {
		return err
	}
	if !w.late {
		w.env.Log.Info("a file's owner does not exist yet: it will be written at the end of the boot", "path", w.Path, unknown.What, unknown.Name)
		return errPutOff
	}
	w.at.Path("owner").Errorf("%v; the file was written without", err)
	return nil
}

// isName reports whether half of an owner names anything: cloud-init leaves it as it
// is for nothing, "-1" and "none".
func isName(half string) bool { return half != "" && half != "-1" && !strings.EqualFold(half, "none") }

// mode is the file's mode: a string is octal, a number is taken as it is. YAML 1.1 reads
// 0644 as octal already, so that both forms that people write mean the same; 644
// without quotes is mode 1204. wrong says what is wrong with the key.
func (w *fileWrite) mode() (mode fs.FileMode, wrong string) {
	const usual = 0o644
	bits, ok := int64(usual), true
	switch v := w.Permissions; v.Kind() {
	case config.Null:
	case config.Int:
		bits, ok = v.Int()
	case config.Float:
		var f float64
		f, ok = v.Float()
		bits = int64(f)
	case config.String:
		bits, ok = octalText(v.Text())
	default:
		ok = false
	}
	if !ok {
		wrong = fmt.Sprintf("expected a mode such as '0644', got %s; 0644 was used", config.Shown(w.Permissions))
		bits = usual
	} else if bits > 0o777 && w.Permissions.Kind() == config.Int {
		wrong = fmt.Sprintf("%s is the number %d, which is mode %04o; a mode is written in quotes", w.Permissions.Text(), bits, bits&0o7777)
	}
	if bits &= 0o7777; bits == 0 {
		return host.NoAccess, wrong
	}
	return host.ModeOf(uint32(bits)), wrong
}

// octalText reads an octal number as Python does: with or without 0o.
func octalText(text string) (int64, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	n, err := strconv.ParseInt(strings.TrimPrefix(text, "0o"), 8, 64)
	return n, err == nil && n >= 0
}

// content is what the file is to hold. It is not ok where that cannot be had: why was
// reported here or, of the key content, by checkWriteFiles.
func (w *fileWrite) content(ctx context.Context) (content []byte, ok bool) {
	if w.Source.URI != "" {
		data, err := w.fetch(ctx)
		if err == nil {
			return data, true
		}
		if w.Content.IsNull() {
			w.at.Path("source").Errorf("%v", err)
			return nil, false
		}
		w.at.Path("source").Warnf("%v; the key content was used instead", err)
	}
	data, err := w.own()
	return data, err == nil
}

// own is what the key content says.
func (w *fileWrite) own() ([]byte, error) {
	data, err := rawContent(w.Content)
	if err != nil {
		return nil, err
	}
	return w.Encoding.decode(data)
}

// rawContent is a value as bytes.
//
// Difference from cloud-init: a number or boolean is written as it stands, and
// nothing is an empty file; there each of them fails.
func rawContent(v *config.Value) ([]byte, error) {
	switch v.Kind() {
	case config.Null:
		return nil, nil
	case config.List, config.Map:
		return nil, fmt.Errorf("expected a string, got %s; nothing was written", config.Shown(v))
	case config.Binary:
		data, ok := v.Any().([]byte)
		if !ok {
			return nil, errors.New("the content is not valid base64; nothing was written")
		}
		return data, nil
	}
	return []byte(v.Text()), nil
}

// checkDigest reports a digest that is not valid, and one where nothing is fetched.
func (w *fileWrite) checkDigest() {
	switch {
	case !cloudconfig.IsDigest(w.Source.SHA256):
		w.at.Path("source.sha256").Errorf("expected 64 hexadecimal digits, got %s; what is fetched is not written", config.Quoted(w.Source.SHA256))
	case w.Source.URI == "":
		w.at.Path("source.sha256").Warnf("there is no uri, so nothing is fetched that could have it")
	}
}

// fetch gets the content from the file's source, and checks that it is what was meant.
//
// Difference from cloud-init: it has no digests.
func (w *fileWrite) fetch(ctx context.Context) ([]byte, error) {
	uri, digest := w.Source.URI, w.Source.SHA256
	if digest != "" && !cloudconfig.IsDigest(digest) {
		return nil, fmt.Errorf("%s is not fetched: its digest is not valid", secret.URL(uri))
	}
	if location, err := url.Parse(uri); err == nil && isLocal(uri) {
		data, err := w.env.Host.ReadFile(location.Path)
		if err != nil {
			return nil, err
		}
		return data, cloudconfig.HasDigest(data, uri, digest)
	}
	headers := map[string]string{}
	for _, h := range w.Source.Headers {
		headers[h.Key] = h.Value
	}
	return w.env.download(ctx, uri, headers, digest)
}

// isLocal tells a URL or path of a file of this machine.
func isLocal(uri string) bool { return strings.HasPrefix(uri, "/") || strings.HasPrefix(uri, "file:") }

// contentEncoding is how content is encoded, by cloud-init's names.
type contentEncoding struct{ base64, gzip bool }

// DecodeConfig reads the name. With an unknown one the content is taken as it is.
func (c *contentEncoding) DecodeConfig(v *config.Value) []config.Problem {
	name := strings.ToLower(strings.TrimSpace(v.Text()))
	if v.Kind() == config.List || v.Kind() == config.Map {
		name = config.KindInWords(v)
	}
	switch name {
	case "", "text/plain":
	case "b64", "base64":
		c.base64 = true
	case "gz", "gzip":
		c.gzip = true
	case "gz+b64", "gz+base64", "gzip+b64", "gzip+base64":
		c.base64, c.gzip = true, true
	default:
		p := v.Pos().Errorf("expected b64, gzip, gz+b64 or text/plain, got %s; the content is written as it is", config.Shown(v))
		p.Severity = config.Warning
		return []config.Problem{p}
	}
	return nil
}

func (c contentEncoding) decode(data []byte) ([]byte, error) {
	if c.base64 {
		decoded, err := python.Base64(data)
		if err != nil {
			return nil, fmt.Errorf("cannot decode the content as base64: %w; nothing was written", err)
		}
		data = decoded
	}
	if c.gzip {
		unzipped, err := python.Gunzip(data, maxContent)
		if err != nil {
			return nil, fmt.Errorf("cannot unzip the content: %w; nothing was written", err)
		}
		data = unzipped
	}
	return data, nil
}

// maxContent is the most that one zipped content may grow to. A few kilobytes of
// user data can unzip to more than the guest's memory.
const maxContent = 100 << 20

// putOffFile tells the deferred pass, which is another process, which files of the
// list the first one put off.
func putOffFile(e *Env) string { return path.Join(e.Instance.Dir, "data/write-files-put-off") }

func loadPutOff(e *Env) ([]int, error) {
	data, err := e.Host.ReadFile(putOffFile(e))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot tell which files were put off: %w", err)
	}
	var list []int
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("cannot tell which files were put off: %s: %w", putOffFile(e), err)
	}
	return list, nil
}

// savePutOff replaces the list by that of the pass that ends; the deferred pass
// leaves none.
func savePutOff(e *Env, list []int) error {
	if len(list) == 0 {
		return e.Host.Quietly().RemoveAll(putOffFile(e))
	}
	data, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("cannot note which files were put off: %w", err)
	}
	_, err = e.Host.Quietly().WriteFile(putOffFile(e), append(data, '\n'), host.File{})
	return err
}
