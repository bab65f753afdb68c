package guest

import (
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// makeNetwork gives the guest an eth0: a veth whose other end, the gateway of the oVirt seed,
// is in a namespace of its own. While that end is down eth0 has no carrier.
func (r *Running) makeNetwork(carrier bool) {
	peer := r.name + "p"
	for _, ns := range []string{r.name, peer} {
		r.command("ip", "netns", "add", ns)
		r.cleanup = append(r.cleanup, func() { r.command("ip", "netns", "del", ns) })
	}
	r.command("ip", "-n", r.name, "link", "add", "eth0", "address", "52:54:00:12:34:56", "type", "veth", "peer", "name", "p0", "netns", peer)
	if carrier {
		r.command("ip", "-n", peer, "link", "set", "p0", "up")
	}
	r.command("ip", "-n", peer, "address", "add", Gateway+"/24", "dev", "p0")
}

// Gateway is the address of the machine at the other end of the guest's network.
const Gateway = "10.50.200.1"

// Listen listens on a port of the gateway. A socket stays in the namespace in which it
// was made, so that only its making has to be done there.
func (r *Running) Listen(port string) net.Listener {
	r.t.Helper()
	type result struct {
		listener net.Listener
		err      error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and its namespace with it
		var done result
		namespace, err := os.Open("/run/netns/" + r.name + "p")
		if done.err = err; err == nil {
			defer namespace.Close()
			if done.err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); done.err == nil {
				done.listener, done.err = net.Listen("tcp", net.JoinHostPort(Gateway, port))
			}
		}
		made <- done
	}()
	done := <-made
	if done.err != nil {
		r.t.Fatalf("cannot listen on the guest's network: %v", done.err)
	}
	return done.listener
}
