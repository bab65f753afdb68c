package modules

import (
	"context"
	"path"
	"strings"

	"cloudseed/config"
	"cloudseed/state"
)

type timezoneKeys struct {
	Timezone string `key:"timezone" doc:"the time zone's name, as below /usr/share/zoneinfo: Europe/Berlin"`
}

var timezone = Of[timezoneKeys]{
	Name:       "timezone",
	Stage:      ConfigStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"timezone"},
	Repeatable: true,
	Doc:        "Sets the machine's time zone: /etc/localtime becomes a link to the zone's file.",
	Example:    "timezone: Europe/Berlin\n",
	Run:        runTimezone,
}.Module()

const zoneinfo = "/usr/share/zoneinfo"

func runTimezone(_ context.Context, e *Env, keys *timezoneKeys) error {
	at := e.At("timezone")
	if len(e.Args) > 0 { // single --name timezone Europe/Berlin
		keys.Timezone, at = e.Args[0], at.Findings().At(config.Pos{}, "timezone")
	}
	if keys.Timezone == "" {
		return nil
	}
	file := path.Join(zoneinfo, keys.Timezone)
	info, err := e.Host.Stat(file)
	if err != nil || !info.Mode().IsRegular() || !strings.HasPrefix(file, zoneinfo+"/") {
		at.Errorf("there is no time zone %s in %s; it is unchanged", keys.Timezone, zoneinfo)
		return nil
	}
	return e.Host.Symlink(file, "/etc/localtime")
}
