package modules

import (
	"strings"
	"testing"

	"cloudseed/host"

	"github.com/google/go-cmp/cmp"
)

func TestKeyboard(t *testing.T) {
	t.Parallel()
	const image = "# of the image\nKEYMAP=\"us\"\nKEYMAP_TOGGLE=ru\nFONT=eurlatgr\n"
	xorg := func(options string) string {
		return "# The system's keyboard, as localectl(1) shows and changes it.\nSection \"InputClass\"\n        Identifier \"system-keyboard\"\n" +
			"        MatchIsKeyboard \"on\"\n" + options + "EndSection\n"
	}
	for name, row := range map[string]struct {
		userData       string
		files          []string // beside those of all rows
		vconsole, xorg string
		report         string
	}{
		"a layout has the keymap that was converted from it": {
			userData: "keyboard: {layout: de}",
			vconsole: "# of the image\nKEYMAP=de\nFONT=eurlatgr\nXKBLAYOUT=de\nXKBMODEL=pc105\n",
			xorg:     xorg("        Option \"XkbLayout\" \"de\"\n        Option \"XkbModel\" \"pc105\"\n"),
		},
		"with a variant and options": {
			userData: "keyboard: {layout: de, model: pc104, variant: nodeadkeys, options: 'compose:rctrl,terminate:ctrl_alt_bksp'}",
			vconsole: "# of the image\nKEYMAP=de-nodeadkeys\nFONT=eurlatgr\nXKBLAYOUT=de\nXKBMODEL=pc104\nXKBVARIANT=nodeadkeys\nXKBOPTIONS=compose:rctrl,terminate:ctrl_alt_bksp\n",
			xorg: xorg("        Option \"XkbLayout\" \"de\"\n        Option \"XkbModel\" \"pc104\"\n        Option \"XkbVariant\" \"nodeadkeys\"\n" +
				"        Option \"XkbOptions\" \"compose:rctrl,terminate:ctrl_alt_bksp\"\n"),
		},
		"the keymap that is there keeps its toggle, and an empty model is none": {
			userData: "keyboard: {layout: us, model: ''}",
			vconsole: image + "XKBLAYOUT=us\n",
			xorg:     xorg("        Option \"XkbLayout\" \"us\"\n"),
		},
		"a layout without a converted keymap has one by kbd-model-map": {
			userData: "keyboard: {layout: no}",
			vconsole: "# of the image\nKEYMAP=no-latin1\nFONT=eurlatgr\nXKBLAYOUT=no\nXKBMODEL=pc105\n",
			xorg:     xorg("        Option \"XkbLayout\" \"no\"\n        Option \"XkbModel\" \"pc105\"\n"),
		},
		"of two layouts the first has the keymap": {
			userData: "keyboard: {layout: 'de,us', variant: 'nodeadkeys,'}",
			vconsole: "# of the image\nKEYMAP=de-nodeadkeys\nFONT=eurlatgr\nXKBLAYOUT=de,us\nXKBMODEL=pc105\nXKBVARIANT=nodeadkeys,\n",
			xorg:     xorg("        Option \"XkbLayout\" \"de,us\"\n        Option \"XkbModel\" \"pc105\"\n        Option \"XkbVariant\" \"nodeadkeys,\"\n"),
		},
		"a variant in parentheses is quoted": {
			userData: "keyboard: {layout: de(nodeadkeys)}",
			vconsole: "# of the image\nFONT=eurlatgr\nXKBLAYOUT=\"de(nodeadkeys)\"\nXKBMODEL=pc105\n",
			xorg:     xorg("        Option \"XkbLayout\" \"de(nodeadkeys)\"\n        Option \"XkbModel\" \"pc105\"\n"),
			report:   "warning: user-data:1:20: keyboard.layout: the console has no keymap of this layout; it gets the kernel's own",
		},
		"a layout that does not exist": {
			userData: "keyboard: {layout: dee}", vconsole: image,
			report: `error: user-data:1:20: keyboard.layout: there is no layout "dee" (did you mean de?); the keyboard is unchanged`,
		},
		"a variant that does not exist": {
			userData: "keyboard: {layout: 'us,de', variant: ',neo'}", vconsole: image,
			report: `error: user-data:1:38: keyboard.variant: the layout de has no variant "neo"; the keyboard is unchanged`,
		},
		"no layout": {
			userData: "keyboard: {model: pc105}", vconsole: image,
			report: "error: user-data:1:11: keyboard: a keyboard needs a layout; it is unchanged",
		},
		"a layout that leads elsewhere": {
			userData: "keyboard: {layout: ../../../etc/passwd}", vconsole: image,
			report: `error: user-data:1:20: keyboard.layout: "../../../etc/passwd" is not valid as layout (xkeyboard-config(7)); the keyboard is unchanged`,
		},
		"options that end the section": {
			userData: `keyboard: {layout: de, options: "a\"\nEndSection"}`, vconsole: image,
			report: `error: user-data:1:33: keyboard.options: "a\"\nEndSection" is not valid as options (xkeyboard-config(7)); the keyboard is unchanged`,
		},
		"a variant that a shell would run": {
			userData: "keyboard: {layout: de, variant: $(reboot)}", vconsole: image,
			report: `error: user-data:1:33: keyboard.variant: "$(reboot)" is not valid as variant (xkeyboard-config(7)); the keyboard is unchanged`,
		},
		"a dash in front": {
			userData: "keyboard: {layout: -u}", vconsole: image,
			report: `error: user-data:1:20: keyboard.layout: "-u" is not valid as layout (xkeyboard-config(7)); the keyboard is unchanged`,
		},
		"a string": {
			userData: "keyboard: de", vconsole: image, report: "error: user-data:1:11: keyboard: expected a mapping, got a string",
		},
		"null": {userData: "keyboard:", vconsole: image},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.userData)
			g.Put(t, vconsoleConf, image)
			for _, keymap := range []string{"us", "de", "de-nodeadkeys"} {
				g.Put(t, "/usr/lib/kbd/keymaps/xkb/"+keymap+".map.gz", "")
			}
			for _, layout := range []string{"us", "de", "no"} {
				g.Put(t, xkbSymbols+"/"+layout, "xkb_symbols \"basic\" {\nxkb_symbols \"nodeadkeys\" {\n")
			}
			g.Put(t, keymapsOfX11, "# a comment of words\nno-latin1\tno\tpc105\t-\tterminate:ctrl_alt_bksp\nno\tno\tpc105\t-\t-\n")
			if got := strings.Join(g.run(t, keyboard), "\n"); got != row.report {
				t.Errorf("it reports %q, want %q", got, row.report)
			}
			if diff := cmp.Diff(row.vconsole, g.Text(t, vconsoleConf)); diff != "" {
				t.Error(diff)
			}
			if row.xorg != "" {
				if diff := cmp.Diff(row.xorg, g.Text(t, xorgKeyboard)); diff != "" {
					t.Error(diff)
				}
			} else if g.Exists(xorgKeyboard) {
				t.Error("X11's file is written")
			}
			before := len(g.Effects())
			g.run(t, keyboard)
			if again := g.Effects()[before:]; len(again) > 0 || len(g.Calls()) > 0 {
				t.Errorf("a second boot changes %+v; commands %q", again, g.lines())
			}
		})
	}
}

func TestWithoutKeymapsTheConsolesStays(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "keyboard: {layout: de}")
	g.Put(t, vconsoleConf, "KEYMAP=us\n")
	want := "warning: user-data:1:20: keyboard.layout: the console's keymap is unchanged: there is no keymap of this layout, and no /usr/share/systemd/kbd-model-map to find another by"
	if got := strings.Join(g.run(t, keyboard), "\n"); got != want {
		t.Errorf("it reports %q, want %q", got, want)
	}
	if got := g.Text(t, vconsoleConf); got != "KEYMAP=us\nXKBLAYOUT=de\nXKBMODEL=pc105\n" {
		t.Errorf("it holds %q", got)
	}
}

func TestTheConsoleTakesAChangedKeymapAtOnce(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "keyboard: {layout: de}")
	g.Put(t, "/usr/lib/kbd/keymaps/xkb/de.map.gz", "")
	g.Units = map[string]host.UnitState{}
	for range 2 {
		g.clean(t, keyboard)
		if got := strings.Join(g.Lines(), "\n"); got != "systemctl restart systemd-vconsole-setup.service" {
			t.Errorf("it runs %q", got)
		}
	}
	g = newGuest(t, "keyboard: {layout: de}")
	g.Put(t, "/usr/lib/kbd/keymaps/xkb/de.map.gz", "")
	g.Units = map[string]host.UnitState{}
	g.Answer("systemctl", host.Result{Exit: 1, Stderr: "no console\n"}, nil)
	if err := keyboard.Run(t.Context(), g.env); err == nil || !strings.HasPrefix(err.Error(), "cannot set the console's keymap before the next boot: systemctl failed") {
		t.Errorf("its error is %v", err)
	}
}
