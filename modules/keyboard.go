package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/envfile"
	"cloudseed/host"
	"cloudseed/state"
)

type keyboardKeys struct {
	Keyboard xkbKeyboard `key:"keyboard" doc:"The keyboard of the console and of X11."`
}

// xkbKeyboard is described as in xkeyboard-config(7).
type xkbKeyboard struct {
	Layout  string `key:"layout" doc:"The layout, or several: us,de. It is required."`
	Model   string `key:"model" default:"pc105" doc:"The keyboard's model."`
	Variant string `key:"variant" doc:"The layout's variant, or one for each layout: ,nodeadkeys."`
	Options string `key:"options" doc:"Options: grp:alt_shift_toggle,compose:ralt."`
}

var keyboard = Of[keyboardKeys]{
	Name:       "keyboard",
	Stage:      ConfigStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"keyboard"},
	Repeatable: true,
	Doc: "Sets the keyboard, as localectl set-x11-keymap does: in /etc/X11/xorg.conf.d/00-keyboard.conf and, with the " +
		"console's keymap that fits it best, in /etc/vconsole.conf. It needs no D-Bus, and works in an image.",
	Example: "keyboard:\n  layout: de\n  variant: nodeadkeys\n  options: compose:rctrl\n",
	Check:   checkKeyboard,
	Run:     runKeyboard,
}.Module()

const (
	xorgKeyboard  = "/etc/X11/xorg.conf.d/00-keyboard.conf"
	vconsoleConf  = "/etc/vconsole.conf"
	xkbSymbols    = "/usr/share/X11/xkb/symbols"
	keymapsOfX11  = "/usr/share/systemd/kbd-model-map" // what localed finds a keymap by
	vconsoleSetup = "systemd-vconsole-setup.service"
)

// keymapDirectories are where keymaps are, as localed looks for them.
var keymapDirectories = []string{"/usr/share/keymaps", "/usr/share/kbd/keymaps", "/usr/lib/kbd/keymaps"}

var (
	xkbNames   = pattern(`^[A-Za-z0-9_,()+][A-Za-z0-9_,()+-]*$`) // none leads to another directory
	xkbOptions = pattern(`^[A-Za-z0-9_][A-Za-z0-9_,:()+./-]*$`)
)

// checkKeyboard leaves no layout where nothing is to be written.
func checkKeyboard(e *Env, keys *keyboardKeys) {
	at, k := e.At("keyboard"), &keys.Keyboard
	if at.Kind() != config.Map {
		return // null, or reported by its type
	}
	if given := at.Get("model").Kind(); given == config.Null || given == config.List || given == config.Map {
		k.Model = "pc105"
	}
	if k.Layout == "" {
		at.Errorf("a keyboard needs a layout; it is unchanged")
	}
	for _, part := range []struct {
		key, value string
		valid      func() *regexp.Regexp
	}{
		{"layout", k.Layout, xkbNames}, {"model", k.Model, xkbNames}, {"variant", k.Variant, xkbNames}, {"options", k.Options, xkbOptions},
	} {
		if part.value != "" && !part.valid().MatchString(part.value) {
			at.Get(part.key).Errorf("%q is not valid as %s (xkeyboard-config(7)); the keyboard is unchanged", part.value, part.key)
			k.Layout = ""
		}
	}
}

func runKeyboard(ctx context.Context, e *Env, keys *keyboardKeys) error {
	k := keys.Keyboard
	if k.Layout == "" {
		return nil
	}
	if known, err := isKnownToX11(e, k); err != nil || !known {
		return err
	}
	if _, err := e.Host.WriteFile(xorgKeyboard, []byte(k.xorgConf()), host.File{}); err != nil {
		return err
	}
	old, err := e.Host.ReadFile(vconsoleConf)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// systemd 254 and later have the layout here too; older ones do not read it.
	variables := []envfile.Variable{
		{Name: "XKBLAYOUT", Value: k.Layout},
		{Name: "XKBMODEL", Value: k.Model},
		{Name: "XKBVARIANT", Value: k.Variant},
		{Name: "XKBOPTIONS", Value: k.Options},
	}
	keymap, err := consoleKeymap(e.Host, k)
	switch at := e.At("keyboard.layout"); {
	case errors.Is(err, fs.ErrNotExist):
		at.Warnf("the console's keymap is unchanged: there is no keymap of this layout, and no %s to find another by", keymapsOfX11)
	case err != nil:
		return err
	default:
		if keymap == "" {
			at.Warnf("the console has no keymap of this layout; it gets the kernel's own")
		}
		if keymap != envfile.Value(string(old), "KEYMAP") {
			variables = append(variables, envfile.Variable{Name: "KEYMAP_TOGGLE"}) // it goes with the other
		}
		variables = append([]envfile.Variable{{Name: "KEYMAP", Value: keymap}}, variables...)
	}
	changed, err := e.Host.WriteFile(vconsoleConf, []byte(envfile.Set(string(old), variables)), host.File{})
	if err != nil || !changed {
		return err
	}
	return setConsole(ctx, e.Host)
}

// setConsole has the console take its keymap at once. Its unit is not always active: systemd
// 239 and 252 run the program by a rule of udev's.
func setConsole(ctx context.Context, h *host.Host) error {
	if _, err := h.Units().States(ctx, vconsoleSetup); errors.Is(err, host.ErrNotBooted) {
		return nil // an image has no console
	}
	if _, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", "restart", vconsoleSetup}}); err != nil {
		return fmt.Errorf("cannot set the console's keymap before the next boot: %w", err)
	}
	return nil
}

// isKnownToX11 reports what xkeyboard-config does not have: localectl refuses it. Where that
// is not installed, any name may be right.
func isKnownToX11(e *Env, k xkbKeyboard) (bool, error) {
	entries, err := e.Host.ReadDir(xkbSymbols)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	variants := strings.Split(k.Variant, ",")
	for i, layout := range strings.Split(k.Layout, ",") {
		name, variant, _ := strings.Cut(strings.TrimSuffix(layout, ")"), "(")
		if i < len(variants) && variants[i] != "" {
			variant = variants[i]
		}
		symbols, err := e.Host.ReadFile(path.Join(xkbSymbols, name))
		switch {
		case errors.Is(err, fs.ErrNotExist) || name == "":
			e.At("keyboard.layout").Errorf("there is no layout %q%s; the keyboard is unchanged", name, config.DidYouMean(name, names))
			return false, nil
		case err != nil:
			return false, err
		case variant != "" && !strings.Contains(string(symbols), `xkb_symbols "`+variant+`"`):
			e.At("keyboard.variant").Errorf("the layout %s has no variant %q; the keyboard is unchanged", name, variant)
			return false, nil
		}
	}
	return true, nil
}

// xorgConf is the file for X11, in localed's form.
func (k xkbKeyboard) xorgConf() string {
	var b strings.Builder
	b.WriteString("# The system's keyboard, as localectl(1) shows and changes it.\n" +
		"Section \"InputClass\"\n        Identifier \"system-keyboard\"\n        MatchIsKeyboard \"on\"\n")
	for _, option := range [][2]string{{"XkbLayout", k.Layout}, {"XkbModel", k.Model}, {"XkbVariant", k.Variant}, {"XkbOptions", k.Options}} {
		if option[1] != "" {
			fmt.Fprintf(&b, "        Option %q \"%s\"\n", option[0], option[1])
		}
	}
	b.WriteString("EndSection\n")
	return b.String()
}

// consoleKeymap is the console's keymap that localed takes for a keyboard of X11: the one
// that was converted from its layout and variant, else the one that fits best by
// kbd-model-map, else the one of the first layout; "" where there is none.
func consoleKeymap(h *host.Host, k xkbKeyboard) (string, error) {
	if keymap := convertedKeymap(h, k.Layout, k.Variant); keymap != "" {
		return keymap, nil
	}
	keymaps, err := h.ReadFile(keymapsOfX11)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	best, bestFit := "", 0
	for line := range strings.Lines(string(keymaps)) {
		f := strings.Fields(line) // keymap, layout, model, variant, options
		if len(f) < 5 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if fit := k.fit(f[1], f[2], f[3], f[4]); fit > bestFit {
			best, bestFit = f[0], fit
		}
	}
	if bestFit < exactLayout {
		layout, _, _ := strings.Cut(k.Layout, ",")
		variant, _, _ := strings.Cut(k.Variant, ",")
		if keymap := convertedKeymap(h, layout, variant); keymap != "" {
			return keymap, nil
		}
	}
	if best == "" {
		return "", err // without the map: that it does not exist
	}
	return best, nil
}

// convertedKeymap is the keymap that was made of a layout of xkeyboard-config, if there is one.
func convertedKeymap(h *host.Host, layout, variant string) string {
	name := layout
	if variant != "" {
		name += "-" + variant
	}
	for _, dir := range keymapDirectories {
		if h.Exists(dir+"/xkb/"+name+".map") || h.Exists(dir+"/xkb/"+name+".map.gz") {
			return name
		}
	}
	return ""
}

// exactLayout is the fit of a keymap with the same layout.
const exactLayout = 10

// fit is how well a line of kbd-model-map fits a keyboard, by localed's points; 0: not at all.
func (k xkbKeyboard) fit(layout, model, variant, options string) int {
	first, _, _ := strings.Cut(layout, ",")
	points := 0
	switch {
	case k.Layout == layout:
		points = exactLayout
	case strings.HasPrefix(k.Layout, layout+","):
		points = 5
	case k.Layout == first || strings.HasPrefix(k.Layout, first+","):
		points = 1
	default:
		return 0
	}
	for i, same := range []bool{k.Model == "" || k.Model == model, k.Variant == variant, k.Options == options} {
		if !same {
			return points + i
		}
	}
	return points + 3
}
