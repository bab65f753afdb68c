package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
)

// systemd stands for the system's manager on its private socket: all units run, and what is
// asked of one is done at once. It is recorded as the call of systemctl that asks the same.
type systemd struct {
	mu    sync.Mutex
	peers []net.Conn
}

const (
	socket  = "/run/systemd/private"
	manager = "org.freedesktop.systemd1.Manager"
)

func listen() {
	listener, err := net.Listen("unix", socket)
	must(err)
	s := &systemd{}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
}

func (s *systemd) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the peer is gone
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		answer := ""
		switch line = strings.Trim(line, "\x00\r\n"); {
		case line == "BEGIN":
		case strings.HasPrefix(line, "AUTH EXTERNAL"):
			answer = "OK 0123456789abcdef0123456789abcdef\r\n"
		case line == "NEGOTIATE_UNIX_FD":
			answer = "AGREE_UNIX_FD\r\n"
		default:
			answer = "REJECTED EXTERNAL\r\n"
		}
		if answer == "" {
			break
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
	s.mu.Lock()
	s.peers = append(s.peers, conn)
	s.mu.Unlock()
	for {
		message, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		if message.Type == dbus.TypeMethodCall {
			s.answer(conn, message)
		}
	}
}

// done is a job's path: jobs are done when they are asked for.
const done = dbus.ObjectPath("/org/freedesktop/systemd1/job/1")

func (s *systemd) answer(conn net.Conn, call *dbus.Message) {
	member, _ := call.Headers[dbus.FieldMember].Value().(string)
	var body []any
	switch member {
	case "ListUnitsByNames":
		type unit struct {
			Name, Description, Load, Active, Sub, Followed string
			Path                                           dbus.ObjectPath
			Job                                            uint32
			JobType                                        string
			JobPath                                        dbus.ObjectPath
		}
		units := []unit{}
		names, _ := call.Body[0].([]string)
		for _, name := range names {
			units = append(units, unit{name, name, "loaded", "active", "running", "", "/unit", 0, "", "/"})
		}
		body = []any{units}
	case "GetAll":
		body = []any{map[string]dbus.Variant{"ActiveState": dbus.MakeVariant("active"), "Result": dbus.MakeVariant("success")}}
	case "StartUnit", "StopUnit", "RestartUnit", "TryRestartUnit", "ReloadUnit", "ReloadOrRestartUnit", "ReloadOrTryRestartUnit":
		unit, _ := call.Body[0].(string)
		mode, _ := call.Body[1].(string)
		record(Call{Argv: []string{"systemctl", verbs[member], unit, "--job-mode=" + mode}})
		s.send(conn, reply(call, []any{done}))
		s.mu.Lock()
		peers := s.peers
		s.mu.Unlock()
		for _, peer := range peers {
			s.send(peer, signal("JobRemoved", uint32(1), done, unit, "done"))
		}
		return
	case "Reload":
		record(Call{Argv: []string{"systemctl", "daemon-reload"}})
	}
	s.send(conn, reply(call, body))
}

var verbs = map[string]string{
	"StartUnit": "start", "StopUnit": "stop", "RestartUnit": "restart", "TryRestartUnit": "try-restart", "ReloadUnit": "reload",
	"ReloadOrRestartUnit": "reload-or-restart", "ReloadOrTryRestartUnit": "try-reload-or-restart",
}

func reply(call *dbus.Message, body []any) *dbus.Message {
	m := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{}, Body: body}
	m.Headers[dbus.FieldReplySerial] = dbus.MakeVariant(call.Serial())
	return m
}

func signal(member string, body ...any) *dbus.Message {
	return &dbus.Message{Type: dbus.TypeSignal, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/org/freedesktop/systemd1")), dbus.FieldInterface: dbus.MakeVariant(manager), dbus.FieldMember: dbus.MakeVariant(member),
	}}
}

// serialAt is where a message has its number, which godbus keeps for itself.
const serialAt = 8

func (s *systemd) send(conn net.Conn, m *dbus.Message) {
	if len(m.Body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(m.Body...))
	}
	var b bytes.Buffer
	must(m.EncodeTo(&b, binary.LittleEndian))
	data := b.Bytes()
	binary.LittleEndian.PutUint32(data[serialAt:], 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	// A peer that is gone hears nothing.
	_, _ = conn.Write(data)
}
