package host

import (
	"fmt"
	"net"
	"time"
)

// userInfo is the priority user.info of syslog(3).
const userInfo = 14

// SyslogLine is a message with its time and tag, as logger(1) sends and shows it.
func (h *Host) SyslogLine(tag, message string) string {
	return fmt.Sprintf("<%d>%s %s: %s", userInfo, h.Now().Format("Jan _2 15:04:05"), tag, message)
}

// Syslog sends lines of SyslogLine to the machine's log. The error is fs.ErrNotExist where
// no log takes any. An image has no log: nothing is sent.
func (h *Host) Syslog(lines ...string) (err error) {
	if !h.Runs() {
		return nil
	}
	log, err := net.DialTimeout("unixgram", h.root.resolve("/dev/log"), time.Second)
	if err != nil {
		return fmt.Errorf("cannot reach the system's log: %w", err)
	}
	defer log.Close()
	// A log that takes nothing must not hold up a boot.
	if err := log.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	for _, line := range lines {
		if _, err := log.Write([]byte(line)); err != nil {
			return fmt.Errorf("cannot write to the system's log: %w", err)
		}
	}
	return nil
}
