package modules

import (
	"context"
	"fmt"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
)

const sshdUnit = "sshd.service"

// expirePassword makes the user choose a new password at the next login.
func expirePassword(ctx context.Context, e *Env, name string) {
	if _, err := e.Host.Run(ctx, host.Command{Argv: []string{"passwd", "--expire", name}}); err != nil {
		e.Problem(config.Problem{
			Severity: config.Error, Pos: e.Config.Get("chpasswd.expire").Pos(), Key: "chpasswd.expire",
			Message: fmt.Sprintf("cannot expire the password of %s: %v", name, err),
		})
	}
}

// setPasswordLogin says in sshd's configuration whether it takes passwords. A value in
// the system's own cloud.cfg counts as one of the user data does: on images that have
// `ssh_pwauth: false` there, as RHEL's have, leaving it out would open sshd to
// passwords.
func setPasswordLogin(ctx context.Context, e *Env, v *config.Value) {
	problem := func(severity config.Severity, format string, args ...any) {
		e.Problem(config.Problem{Severity: severity, Pos: v.Pos(), Key: "ssh_pwauth", Message: fmt.Sprintf(format, args...)})
	}
	setting := sshdSetting{keyword: "PasswordAuthentication"}
	var ok bool
	if setting.value, ok = passwordLogin(v); !ok || setting.value == "" {
		return
	}
	if _, err := e.Host.LookPath("sshd"); err != nil && !e.Host.Exists(sshdConfigPath) {
		// Without sshd nobody logs in by password over SSH, as "no" asks for.
		severity := config.Note
		if setting.value == "yes" {
			severity = config.Warning
		}
		e.Problem(config.Problem{
			Severity: severity, Pos: v.Pos(), Key: "ssh_pwauth", Message: "sshd is not installed, so it is ignored",
			Cause: &host.MissingError{Program: "sshd"},
		})
		return
	}
	changed, err := setSSHD(e.Host, setting)
	if err == nil && changed {
		err = restartSSHD(ctx, e.Host)
	}
	if err != nil {
		problem(config.Error, "%v", err)
	}
}

// passwordLogin returns yes, no, or "" where sshd is to stay as it is; ok reports whether
// the value is one of those that there are.
func passwordLogin(v *config.Value) (value string, ok bool) {
	switch {
	case v.IsNull() || strings.EqualFold(v.Text(), "unchanged"):
		return "", true
	case isTrue(v):
		return "yes", true
	case isFalse(v):
		return "no", true
	}
	return "", false
}

// restartSSHD makes a running sshd read its configuration again.
func restartSSHD(ctx context.Context, h *host.Host) error {
	active, err := h.Units().Active(ctx, sshdUnit)
	if err != nil || !active {
		return err
	}
	return h.Units().Restart(ctx, sshdUnit)
}
