package guest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"cloudseed/test/check"
	"cloudseed/test/guest"
	"cloudseed/test/seed"
)

// server is a web server at the other end of a guest's network.
type server struct {
	mu    sync.Mutex
	files seed.Files
	asked []string
}

func (s *server) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.Path)
	content, ok := s.files[strings.TrimPrefix(r.URL.Path, "/")]
	if !ok {
		out.WriteHeader(http.StatusNotFound)
		return
	}
	fmt.Fprint(out, content)
}

// serve serves on the network of a guest until it is shut down.
func (s *server) serve(t *testing.T, r *guest.Running) *http.Server {
	t.Helper()
	listener, h := r.Listen("80"), &http.Server{Handler: s}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.Serve(listener) // how it ends does not matter: it is closed
	}()
	t.Cleanup(func() {
		h.Close()
		<-ended
	})
	return h
}

func (s *server) taken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := strings.Join(s.asked, " ")
	s.asked = nil
	return list
}

// TestASeedIsFetchedFromTheNetwork: the guest's own network, by its own configuration,
// leads to the server; the kernel's command line names it.
func TestASeedIsFetchedFromTheNetwork(t *testing.T) {
	t.Parallel()
	machine := guest.New(t, built)
	seed.Files{"50-net.cfg": "network: {version: 2, ethernets: {eth0: {addresses: [10.50.200.60/24]}}}\n"}.Dir(t, machine.Path("/etc/cloud/cloud.cfg.d"))
	s := &server{files: seed.Files{
		"vm/meta-data": "instance-id: web-1\nlocal-hostname: webbed\n",
		"vm/user-data": "#include\nhttp://" + guest.Gateway + "/part\n",
		"part": "#cloud-config\nwrite_files: [{path: /fetched, source: {uri: 'http://" + guest.Gateway + "/file'}}]\n" +
			"runcmd: [touch /ran]\n",
		"file": "from afar",
	}}
	options := guest.Options{Word: "ds=nocloud;s=http://" + guest.Gateway + "/vm/"}
	r := machine.Start(options)
	s.serve(t, r)
	r.Finish()
	check.Done(t, r)
	check.Equal(t, r, "hostname", "webbed")
	check.Equal(t, r, "cat /var/lib/cloud/data/instance-id", "web-1")
	check.Equal(t, r, "cat /fetched; ls /ran", "from afar/ran")
	check.Equal(t, r, "journalctl -b -o cat -u cloud-init-local | grep -c 'waiting for the network to fetch http://"+guest.Gateway+"/vm/'", "1")
	if got, want := s.taken(), "/vm/network-config /vm/meta-data /vm/user-data /vm/vendor-data /part /file"; got != want {
		t.Errorf("it asked for %s, want %s", got, want)
	}
	r.PowerOff()

	// Without the server it stays what it is, and says so.
	r = machine.Boot(options)
	check.Equal(t, r, "cloud-init status --wait | tail -n 1; hostname; systemctl is-active cloud-config cloud-final", "status: error\nwebbed\nactive\nactive")
	check.Equal(t, r, "cloud-init status --long | grep -o 'there is no seed: cannot fetch http://.*/vm/meta-data: dial tcp "+guest.Gateway+":80: connect: connection refused (11 tries' | head -1",
		"there is no seed: cannot fetch http://"+guest.Gateway+"/vm/meta-data: dial tcp "+guest.Gateway+":80: connect: connection refused (11 tries")
	r.PowerOff()
}

func TestAGuestWhoseSeedCannotBeFetchedKeepsItsNetwork(t *testing.T) {
	t.Parallel()
	machine := guest.New(t, built)
	seed.Files{"50-net.cfg": "network: {version: 2, ethernets: {eth0: {addresses: [10.50.200.60/24]}}}\n"}.Dir(t, machine.Path("/etc/cloud/cloud.cfg.d"))
	r := machine.Boot(guest.Options{Word: "ds=nocloud;s=http://" + guest.Gateway + "/vm/"})
	check.Equal(t, r, "cloud-init status --wait | tail -n 1; cloud-init status; echo $?", "status: error\nstatus: error\n1")
	check.Equal(t, r, "nmcli -g IP4.ADDRESS device show eth0", "10.50.200.60/24")
	check.Equal(t, r, "systemctl is-active cloud-config cloud-final sshd", "inactive\ninactive\nactive")
	check.Equal(t, r, "find /var/lib/cloud -name 'instance*'; hostname", "localhost")
	r.PowerOff()
}
