package modules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/guest/inifile"
	"cloudseed/guest/packages"
	"cloudseed/guest/service"
	"cloudseed/host"
	"cloudseed/state"
)

type puppetKeys struct {
	Puppet struct {
		Install     bool          `key:"install" default:"true" doc:"Install the agent."`
		Version     string        `key:"version" doc:"The version to install; otherwise the newest."`
		InstallType string        `key:"install_type" enum:"packages|aio" default:"packages" doc:"packages: of the system's repositories; aio: Puppet's own, by its install script."`
		Collection  string        `key:"collection" doc:"The collection that aio installs from, such as puppet8."`
		URL         string        `key:"aio_install_url" default:"https://raw.githubusercontent.com/puppetlabs/install-puppet/main/install.sh" doc:"The install script of aio."`
		SHA256      string        `key:"aio_install_sha256" doc:"The digest that the install script must have."`
		Cleanup     bool          `key:"cleanup" default:"true" doc:"Have aio remove its repository afterwards."`
		Package     string        `key:"package_name" doc:"The package; otherwise puppet-agent, or puppet where that is missing."`
		ConfFile    string        `key:"conf_file" doc:"puppet.conf; otherwise as puppet says."`
		SSLDir      string        `key:"ssl_dir" doc:"The directory of certificates; otherwise as puppet says."`
		CSRPath     string        `key:"csr_attributes_path" doc:"The file of csr_attributes; otherwise as puppet says."`
		Exec        bool          `key:"exec" default:"false" doc:"Run the agent once."`
		ExecArgs    *config.Value `key:"exec_args" takes:"list(text)|text" default:"--test" doc:"The agent's arguments."`
		Start       bool          `key:"start_service" default:"true" doc:"Enable and start the service."`
		Conf        *config.Value `key:"conf" takes:"map(text|map(text|bool))" doc:"Sections of puppet.conf, each with its options; in certname, %i is the instance's id and %f its full name. ca_cert is the authority's certificate, in PEM."`
		CSR         *config.Value `key:"csr_attributes" takes:"map(anything)" doc:"The content of csr_attributes.yaml."`
	} `key:"puppet" doc:"The agent of Puppet."`

	options []puppetOption
}

type puppetOption struct{ section, name, value string }

var puppet = Of[puppetKeys]{
	Name:       "puppet",
	Stage:      FinalStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"puppet"},
	Repeatable: true,
	Doc: "Installs the agent of Puppet, from the system's packages or Puppet's own, and writes its configuration, the authority's " +
		"certificate and the attributes of its request for a certificate. Then it enables the service, runs the agent if asked to, and starts the service.",
	Example: "puppet:\n  conf:\n    agent:\n      server: puppet.example.com\n      certname: \"%i.%f\"\n  csr_attributes:\n    custom_attributes:\n      1.2.840.113549.1.9.7: 342thbjkt82094y0uthhor289jnqthpc2290\n",
	Check:   checkPuppet,
	Run:     runPuppet,
}.Module()

// puppetNames are names of the agent's package and of its service, newest first.
var puppetNames = []string{"puppet-agent", "puppet"}

func checkPuppet(e *Env, keys *puppetKeys) {
	p, at := &keys.Puppet, e.At("puppet")
	for _, flag := range []struct {
		key  string
		flag *bool
	}{{"install", &p.Install}, {"cleanup", &p.Cleanup}, {"start_service", &p.Start}} {
		if at.Get(flag.key).IsNull() {
			*flag.flag = true
		}
	}
	if p.InstallType == "" {
		p.InstallType = "packages"
	}
	if !p.Install && p.Version != "" {
		at.Get("version").Warnf("install is false, so this version is not installed")
	}
	for _, word := range []struct{ key, value string }{{"version", p.Version}, {"collection", p.Collection}, {"package_name", p.Package}} {
		if strings.HasPrefix(word.value, "-") {
			at.Get(word.key).Errorf("%q begins with \"-\"; puppet is not installed", word.value)
			p.Install = false
		}
	}
	keys.options = nil
	for _, section := range at.Get("conf").Entries() {
		if section.Key == "ca_cert" {
			continue
		}
		if section.Value.Kind() != config.Map {
			section.Value.Errorf("expected options with their values, got %s; skipped", config.KindInWords(section.Value.Value()))
			continue
		}
		for _, option := range section.Value.Entries() {
			value := option.Value.Value().PyStr()
			if text := section.Key + option.Key + value; strings.ContainsAny(text, "\n\r\x00") || strings.ContainsAny(section.Key+option.Key, "[]=#;") {
				option.Value.Errorf("an option is one line of a name and a value; skipped")
				continue
			}
			keys.options = append(keys.options, puppetOption{section.Key, option.Key, value})
		}
	}
}

func runPuppet(ctx context.Context, e *Env, keys *puppetKeys) error {
	p := keys.Puppet
	program, owner := "puppet", "puppet"
	if p.InstallType == "aio" {
		program, owner = "/opt/puppetlabs/bin/puppet", "root"
	}
	if p.Install {
		if err := installPuppet(ctx, e, keys); err != nil {
			return fmt.Errorf("cannot install puppet: %w", err)
		}
	}
	if err := configurePuppet(ctx, e, keys, program, owner); err != nil {
		return err
	}
	name := ""
	if p.Start {
		name = enablePuppet(ctx, e)
	}
	if p.Exec {
		if err := runPuppetAgent(ctx, e, program, p.ExecArgs); err != nil {
			return err
		}
	}
	if name == "" || !e.Host.Runs() {
		return nil
	}
	_, err := e.Host.Run(ctx, host.Command{Argv: []string{"systemctl", "start", name + ".service"}})
	return err
}

// installPuppet installs the agent.
//
// Difference from cloud-init: where no repository has any of the packages, that is an error.
func installPuppet(ctx context.Context, e *Env, keys *puppetKeys) error {
	p := keys.Puppet
	if p.InstallType == "aio" {
		return installPuppetAIO(ctx, e, keys)
	}
	names := puppetNames
	if p.Package != "" {
		names = []string{p.Package}
	}
	var errs []error
	for _, name := range names {
		err := e.installVersions(ctx, packages.Spec{Name: name, Version: p.Version})
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// installPuppetAIO runs Puppet's install script.
func installPuppetAIO(ctx context.Context, e *Env, keys *puppetKeys) (err error) {
	p := keys.Puppet
	if p.URL == "" {
		p.URL = "https://raw.githubusercontent.com/puppetlabs/install-puppet/main/install.sh"
	}
	if e.Fetch == nil {
		return errors.New("nothing can be fetched here")
	}
	script, err := e.Fetch(ctx, p.URL, nil)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(script); p.SHA256 != "" && !strings.EqualFold(p.SHA256, hex.EncodeToString(sum[:])) {
		return fmt.Errorf("the install script has the digest %x, not aio_install_sha256", sum)
	}
	file := path.Join(e.Instance.RunDir, "puppet-install")
	h := e.Host.Quietly()
	if _, err := h.WriteFile(file, script, host.File{Mode: 0o700}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Remove(file)) }()
	argv := []string{"/bin/sh", file} // /run may be mounted noexec
	if strings.HasPrefix(string(script), "#!/bin/bash") || strings.HasPrefix(string(script), "#!/usr/bin/env bash") {
		argv[0] = "/bin/bash"
	}
	if p.Version != "" {
		argv = append(argv, "-v", p.Version)
	}
	if p.Collection != "" {
		argv = append(argv, "-c", p.Collection)
	}
	if p.Cleanup {
		argv = append(argv, "--cleanup")
	}
	_, err = e.Host.Run(ctx, host.Command{Argv: argv, Pass: true, Timeout: host.NoTimeout})
	return err
}

// configurePuppet writes puppet.conf, the authority's certificate and the request's attributes.
func configurePuppet(ctx context.Context, e *Env, keys *puppetKeys, program, owner string) error {
	p := keys.Puppet
	if ca := e.At("puppet.conf.ca_cert"); !ca.IsNull() {
		dir, err := puppetSetting(ctx, e.Host, program, p.SSLDir, "ssldir")
		if err != nil {
			return err
		}
		if err := writePuppetCA(e.Host, dir, ca.Text(), owner); err != nil {
			return err
		}
	}
	if len(keys.options) > 0 {
		file, err := puppetSetting(ctx, e.Host, program, p.ConfFile, "config")
		if err != nil {
			return err
		}
		if err := writePuppetConf(e, file, keys.options); err != nil {
			return err
		}
	}
	if p.CSR == nil {
		return nil
	}
	file, err := puppetSetting(ctx, e.Host, program, p.CSRPath, "csr_attributes")
	if err != nil {
		return err
	}
	// It may hold the password of a request (challengePassword).
	_, err = e.Host.WriteFile(file, yaml.Dump(p.CSR), host.File{Mode: 0o644, KeepMeta: true, Secret: true})
	return err
}

// puppetSetting is a path of the configuration's, or the one that puppet has.
func puppetSetting(ctx context.Context, h *host.Host, program, given, name string) (string, error) {
	if given != "" {
		return path.Join("/", given), nil
	}
	result, err := h.Run(ctx, host.Command{Argv: []string{program, "config", "print", name}, Quiet: true})
	if err != nil {
		return "", fmt.Errorf("cannot ask puppet for its %s: %w", name, err)
	}
	setting := strings.TrimSpace(result.Stdout)
	if !path.IsAbs(setting) {
		return "", fmt.Errorf("puppet says that its %s is %q, which is no path", name, setting)
	}
	return setting, nil
}

func writePuppetCA(h *host.Host, dir, certificate, owner string) error {
	certs := path.Join(dir, "certs")
	if err := h.Mkdir(dir, 0o771, owner, "root"); err != nil {
		return err
	}
	if err := h.Mkdir(certs, 0o755, owner, "root"); err != nil {
		return err
	}
	_, err := h.WriteFile(path.Join(certs, "ca.pem"), []byte(certificate), host.File{Mode: 0o644, Owner: owner, Group: "root"})
	return err
}

// writePuppetConf sets the options, and keeps the file as it was as puppet.conf.old.
//
// Difference from cloud-init: comments and the order of the file stay.
func writePuppetConf(e *Env, file string, options []puppetOption) error {
	old, err := e.Host.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := string(old)
	for _, o := range options {
		if o.name == "certname" {
			o.value = certname(e, o.value)
		}
		text = inifile.Set(text, o.section, o.name, o.value)
	}
	if text == string(old) {
		return nil
	}
	if err == nil {
		if _, err := e.Host.WriteFile(file+".old", old, host.File{Mode: 0o644}); err != nil {
			return err
		}
	}
	_, err = e.Host.WriteFile(file, []byte(text), host.File{Mode: 0o644, KeepMeta: true})
	return err
}

// certname puts the instance's id and its full name in place of %i and %f. Puppet wants small
// letters.
func certname(e *Env, pattern string) string {
	var hostname hostnameKeys
	e.decode(&hostname, true)
	return strings.ToLower(strings.NewReplacer("%f", findNames(e, &hostname).full, "%i", e.Instance.ID).Replace(pattern))
}

// enablePuppet enables the agent's service, and returns its name.
func enablePuppet(ctx context.Context, e *Env) string {
	var errs []error
	for _, name := range puppetNames {
		err := service.Enable(ctx, e.Host, name+".service")
		if err == nil {
			return name
		}
		errs = append(errs, err)
	}
	e.At("puppet.start_service").Warnf("puppet's service does not start at boot: %v", errors.Join(errs...))
	return ""
}

func runPuppetAgent(ctx context.Context, e *Env, program string, args *config.Value) error {
	if !e.Host.Runs() {
		e.At("puppet.exec").Notef("an image's agent is not run")
		return nil
	}
	argv := []string{program, "agent"}
	switch {
	case args.Kind() == config.List:
		for _, arg := range args.Items() {
			argv = append(argv, arg.Text())
		}
	case args.IsNull():
		argv = append(argv, "--test")
	default:
		argv = append(argv, strings.Fields(args.Text())...)
	}
	_, err := e.Host.Run(ctx, host.Command{Argv: argv, Pass: true, Timeout: host.NoTimeout})
	return err
}
