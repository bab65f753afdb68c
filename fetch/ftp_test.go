package fetch_test

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudseed/fetch"
)

// ftpServer is a server for one file, /seed/meta-data, with as many faults as a test
// wants.
type ftpServer struct {
	t         *testing.T
	tls       *tls.Config // nil: it does not know TLS
	login     string      // "user:password"; "": anybody
	old       bool        // it does not know EPSV
	elsewhere bool        // it names another machine for its data
	cut       bool        // it is cut off in the middle of the data
	silent    bool        // it never greets
	endless   string      // it greets with this, and does not end
	echoes    bool        // its refusal repeats the password, with a colour
	listener  net.Listener
}

const ftpContent = "instance-id: over-ftp\n"

func (s *ftpServer) start() string {
	s.t.Helper()
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.session(conn)
			conn.Close()
		}
	}()
	s.t.Cleanup(func() {
		s.listener.Close()
		<-ended
	})
	return s.listener.Addr().String()
}

func (s *ftpServer) session(conn net.Conn) {
	var data net.Listener
	defer func() {
		if data != nil {
			data.Close()
		}
	}()
	secured, user := false, ""
	in := bufio.NewReader(conn)
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
	if s.silent {
		in.ReadString('\n') // until the client gives up
		return
	}
	for s.endless != "" {
		if _, err := io.WriteString(conn, s.endless); err != nil {
			return
		}
	}
	say("220-welcome\r\n220 to the server")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		command, argument, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch command {
		case "AUTH":
			if s.tls == nil {
				say("502 what is that?")
				continue
			}
			say("234 go on")
			conn = tls.Server(conn, s.tls)
			in, secured = bufio.NewReader(conn), true
		case "USER":
			user = argument
			say("331 and the password?")
		case "PASS":
			if s.echoes {
				say("530 %s is not the password\x1b[31m of %s", argument, user)
				continue
			}
			if s.login != "" && s.login != user+":"+argument {
				say("530 no, %s", user)
				continue
			}
			say("230 come in")
		case "PBSZ", "PROT", "TYPE":
			say("200 as you like")
		case "EPSV", "PASV":
			if s.old && command == "EPSV" {
				say("500 what is that?")
				continue
			}
			if data, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
				s.t.Error(err)
				return
			}
			port := data.Addr().(*net.TCPAddr).Port
			host := "127,0,0,1"
			if s.elsewhere {
				host = "192,0,2,1"
			}
			if command == "EPSV" {
				say("229 here (|||%d|)", port)
			} else {
				say("227 here (%s,%d,%d)", host, port>>8, port&0xff)
			}
		case "RETR":
			if argument != "/seed/meta-data" {
				say("550 there is no %s", argument)
				continue
			}
			say("150 here it comes")
			body, err := data.Accept()
			if err != nil {
				s.t.Error(err)
				return
			}
			if secured {
				body = tls.Server(body, s.tls)
			}
			if s.cut {
				fmt.Fprint(body, ftpContent[:5])
				body.Close()
				say("426 it was cut off")
				continue
			}
			fmt.Fprint(body, ftpContent)
			body.Close()
			say("226 that was it")
		default:
			say("502 what is that?")
		}
	}
}

func TestFTP(t *testing.T) {
	t.Parallel()
	certified := httptest.NewUnstartedServer(http.NotFoundHandler())
	certified.StartTLS()
	t.Cleanup(certified.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw})
	withTLS := &tls.Config{Certificates: certified.TLS.Certificates}
	for name, c := range map[string]struct {
		server    ftpServer
		url       string
		stranger  bool // the server's authority is not known
		want      string
		isMissing bool
	}{
		"anybody's file":                        {url: "ftp://HOST/seed/meta-data", want: ftpContent},
		"a server from before IPv6":             {server: ftpServer{old: true}, url: "ftp://HOST/seed/meta-data", want: ftpContent},
		"a server that points elsewhere":        {server: ftpServer{old: true, elsewhere: true}, url: "ftp://HOST/seed/meta-data", want: ftpContent},
		"a login":                               {server: ftpServer{login: "me:hunter2"}, url: "ftp://me:hunter2@HOST/seed/meta-data", want: ftpContent},
		"a wrong login":                         {server: ftpServer{login: "me:x"}, url: "ftp://me:hunter2@HOST/seed/meta-data", want: "cannot fetch ftp://HOST/seed/meta-data: the server answered 530 \"no, [redacted]\""},
		"what is not there":                     {url: "ftp://HOST/seed/vendor-data", want: "cannot fetch ftp://HOST/seed/vendor-data: the server answered 550 \"there is no /seed/vendor-data\"", isMissing: true},
		"data that is cut off":                  {server: ftpServer{cut: true}, url: "ftp://HOST/seed/meta-data", want: "cannot fetch ftp://HOST/seed/meta-data: the server answered 426 \"it was cut off\" (after 5 bytes)"},
		"a server that says nothing":            {server: ftpServer{silent: true}, url: "ftp://HOST/seed/meta-data", want: "cannot fetch ftp://HOST/seed/meta-data: the server was silent for 100ms"},
		"TLS":                                   {server: ftpServer{tls: withTLS}, url: "ftps://me:x@HOST/seed/meta-data", want: ftpContent},
		"TLS with an authority that is unknown": {server: ftpServer{tls: withTLS}, stranger: true, url: "ftps://HOST/seed/meta-data", want: "cannot fetch ftps://HOST/seed/meta-data: tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		"a server that does not know TLS":       {url: "ftps://HOST/seed/meta-data", want: "cannot fetch ftps://HOST/seed/meta-data: the server does not speak TLS, which ftps asks for: \"502 \\\"what is that?\\\"\""},
		"an endless line as the greeting":       {server: ftpServer{endless: "220 welcome"}, url: "ftp://HOST/seed/meta-data", want: "cannot fetch ftp://HOST/seed/meta-data: the server's reply has more than 64 KiB"},
		"a greeting of endless lines":           {server: ftpServer{endless: "220-welcome\r\n"}, url: "ftp://HOST/seed/meta-data", want: "cannot fetch ftp://HOST/seed/meta-data: the server's reply has more than 64 KiB"},
		"a user whose name is not UTF-8":        {server: ftpServer{login: "me:x"}, url: "ftp://%ff:hunter2@HOST/seed/meta-data", want: "cannot fetch ftp://HOST/seed/meta-data: the server answered 530 \"no, [redacted]\""},
		"a server that repeats the password":    {server: ftpServer{login: "me:x", echoes: true}, url: "ftp://me:hunter2@HOST/seed/meta-data", want: "cannot fetch ftp://HOST/seed/meta-data: the server answered 530 \"[redacted] is not the password\\x1b[31m of [redacted]\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := c.server
			server.t = t
			host := server.start()
			f := client()
			f.Tries, f.Authorities = 1, authority
			if c.stranger {
				f.Authorities = nil
			}
			if server.silent {
				f.Silence = 100 * time.Millisecond
			}
			data, err := f.Get(t.Context(), fetch.Request{URL: strings.ReplaceAll(c.url, "HOST", host), Optional: true})
			if got := strings.ReplaceAll(string(data)+text(err), host, "HOST"); got != c.want {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
			if isMissing(err) != c.isMissing {
				t.Errorf("it is missing: %v", isMissing(err))
			}
		})
	}
}
