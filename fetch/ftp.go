package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// Answers of RFC 959, RFC 2228 and RFC 2428.
const (
	ftpOpening      = 1 // 125 or 150: the data follows
	ftpDone         = 226
	ftpReady        = 220
	ftpSecured      = 234
	ftpPassive      = 227
	ftpExtPassive   = 229
	ftpLoggedIn     = 230
	ftpNeedPassword = 331
	ftpNoFile       = 550
)

// ftpSession is a control connection.
type ftpSession struct {
	client  *Client
	conn    net.Conn
	control *control
	text    *textproto.Conn
	host    string
	tls     *tls.Config // nil: all is in the clear
}

// ftp gets a file by FTP in passive mode; by ftps, with TLS asked for (RFC 4217) before
// anything is said, as cloud-init does. FTP knows no proxies.
//
// Difference from cloud-init: it is tried as often as HTTP; there once.
func (c *Client) ftp(ctx context.Context, target *url.URL) ([]byte, error) {
	for _, text := range []string{target.Path, target.User.Username(), password(target)} {
		if strings.ContainsAny(text, "\r\n\x00") {
			return nil, final{errors.New("its path or login holds an end of line, which FTP cannot say")}
		}
	}
	data, err := c.ftpSession(ctx, target)
	var reply *textproto.Error
	var f final
	switch {
	case errors.As(err, &f):
		return nil, err
	case errors.As(err, &reply) && reply.Code == ftpNoFile:
		return nil, missing{answered(err, reply, target)}
	case errors.As(err, &reply):
		return nil, answered(err, reply, target)
	case err != nil:
		return nil, c.cause(err, target)
	}
	return data, nil
}

// answered is an error that a server's refusal led to, in our words: the server may repeat
// the password.
func answered(err error, reply *textproto.Error, target *url.URL) error {
	after := strings.TrimPrefix(err.Error(), reply.Error()) // what we know of it beside
	return fmt.Errorf("the server answered %d %s%s", reply.Code, peerText(reply.Msg, target), after)
}

// maxReplies is how much a server may say on the control connection between two commands,
// in bytes. An endless greeting or reply is as good as none.
const maxReplies = 64 << 10

// control is a control connection from which no more than so much is read.
type control struct {
	net.Conn
	left int
}

func (c *control) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, final{fmt.Errorf("the server's reply has more than %d KiB", maxReplies>>10)}
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func password(target *url.URL) string {
	text, _ := target.User.Password()
	return text
}

func (c *Client) ftpSession(ctx context.Context, target *url.URL) ([]byte, error) {
	port := target.Port()
	if port == "" {
		port = "21"
	}
	conn, err := c.dial(ctx, "tcp", net.JoinHostPort(target.Hostname(), port))
	if err != nil {
		return nil, err
	}
	defer closeWith(ctx, conn)()
	s := &ftpSession{client: c, conn: conn, host: target.Hostname()}
	s.speak(conn)
	if _, _, err := s.text.ReadResponse(ftpReady); err != nil {
		return nil, err
	}
	if target.Scheme == "ftps" {
		if err := s.secure(); err != nil {
			return nil, err
		}
	}
	if err := s.login(target); err != nil {
		return nil, err
	}
	return s.retrieve(ctx, target.Path)
}

// closeWith closes a connection when the context ends, so that nothing waits on it, or
// when the function that it gives is called.
func closeWith(ctx context.Context, conn net.Conn) func() {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return func() {
		stop()
		conn.Close()
	}
}

// speak begins a conversation on a connection.
func (s *ftpSession) speak(conn net.Conn) {
	s.control = &control{Conn: conn, left: maxReplies}
	s.text = textproto.NewConn(s.control)
}

// say sends a command and reads the answer. expected is as textproto has it: 2 is any
// answer of success.
func (s *ftpSession) say(expected int, format string, args ...any) (code int, message string, err error) {
	s.control.left = maxReplies
	if err := s.text.PrintfLine(format, args...); err != nil {
		return 0, "", err
	}
	return s.text.ReadResponse(expected)
}

// secure has the rest said, and sent, by TLS.
func (s *ftpSession) secure() error {
	config, err := s.client.tls()
	if err != nil {
		return err
	}
	if _, _, err := s.say(ftpSecured, "AUTH TLS"); err != nil {
		return final{fmt.Errorf("the server does not speak TLS, which ftps asks for: %s", peerText(err.Error(), nil))}
	}
	config.ServerName = s.host
	s.tls = config
	s.speak(tls.Client(s.conn, config))
	if _, _, err := s.say(2, "PBSZ 0"); err != nil {
		return err
	}
	_, _, err = s.say(2, "PROT P")
	return err
}

func (s *ftpSession) login(target *url.URL) error {
	user, secretWord := target.User.Username(), password(target)
	if user == "" {
		user, secretWord = "anonymous", "anonymous@"
	}
	code, message, err := s.say(0, "USER %s", user)
	if err == nil && code == ftpNeedPassword {
		code, message, err = s.say(0, "PASS %s", secretWord)
	}
	if err != nil {
		return err
	}
	if code/100 != ftpLoggedIn/100 {
		return &textproto.Error{Code: code, Msg: message}
	}
	_, _, err = s.say(2, "TYPE I")
	return err
}

func (s *ftpSession) retrieve(ctx context.Context, path string) ([]byte, error) {
	port, err := s.passive()
	if err != nil {
		return nil, err
	}
	// The host is the one that we know, whatever the server says: it could send us
	// anywhere.
	conn, err := s.client.dial(ctx, "tcp", net.JoinHostPort(s.host, port))
	if err != nil {
		return nil, err
	}
	defer closeWith(ctx, conn)()
	if _, _, err := s.say(ftpOpening, "RETR %s", path); err != nil {
		return nil, err
	}
	var body io.Reader = conn
	if s.tls != nil {
		body = tls.Client(conn, s.tls)
	}
	data, err := s.client.readAll(body)
	if err != nil {
		return nil, err
	}
	// The end of the data looks the same when the connection was cut off.
	if _, _, err := s.text.ReadResponse(ftpDone); err != nil {
		return nil, fmt.Errorf("%w (after %d bytes)", err, len(data))
	}
	return data, nil
}

// passive asks the server for a port to get the data from: by the newer command, which
// knows IPv6 too, and by the older one where that is not known.
func (s *ftpSession) passive() (port string, err error) {
	if _, message, err := s.say(ftpExtPassive, "EPSV"); err == nil {
		if fields := strings.Split(message, "|"); len(fields) == 5 {
			return fields[3], nil
		}
	}
	_, message, err := s.say(ftpPassive, "PASV")
	if err != nil {
		return "", err
	}
	_, numbers, _ := strings.Cut(message, "(")
	numbers, _, _ = strings.Cut(numbers, ")")
	fields := strings.Split(numbers, ",")
	if len(fields) == 6 {
		high, errHigh := strconv.ParseUint(fields[4], 10, 8)
		low, errLow := strconv.ParseUint(fields[5], 10, 8)
		if errHigh == nil && errLow == nil {
			return strconv.FormatUint(high<<8|low, 10), nil
		}
	}
	return "", errors.New("the server gives no port for its data")
}
