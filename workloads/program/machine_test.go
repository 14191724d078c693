package program

import (
	"testing"

	"vmasim/explore"
)

// TestMachineSettings: the machine has the settings that the scenario states, and so has the sequential model that judges the
// orders of its statements. The first executions would find a contradiction.
func TestMachineSettings(t *testing.T) {
	for _, src := range []string{
		"memory 2M\nmachine overcommit never\ninit\n\tmmap A 64K rw private anon\nthread w\n\tmmap B 4M rw private anon => ENOMEM\n\tmmap C 256K rw private anon\nthread r\n\ttouch A write\n",
		"machine ram 1M\ninit\n\tmmap A 64K rw private anon\nthread w\n\tmmap B 4M rw private anon => ENOMEM\n\tmmap B 4M rw shared anon => ENOMEM\nthread r\n\ttouch A write\n",
		"machine thp off\ninit\n\tmmap A 64K rw private anon\nthread w\n\tmmap B 2M rw private anon\nthread r\n\tmunmap A\n",
		"machine cap-sys-rawio on\nthread w\n\tmmap 4K rw private anon at 0 fixed\n\tstore 0 5\nthread r\n\ttouch 0 read => ok | SEGV\n",
		"thread w\n\tmmap 4K rw private anon at 0 fixed => EPERM\nthread r\n\ttouch 0 read => SEGV\n",
		"machine mmap-min-addr 4K\nmachine lsm-min-addr 64K\nthread w\n\tmmap 4K rw private anon at 0x1000 fixed\n\tmmap 4K rw private anon at 0x1000 => 0x10000\nthread r\n\ttouch 0 read => SEGV\n",
		"machine zero-page off\ninit\n\tmmap A 8K rw private anon\nthread w\n\tload A => 0\n\tfork child\nthread r\n\tload A+4K => 0\nmm child\n",
		"machine fault-around 4K\nfile F temp 16K pattern\ninit\n\tmmap A 16K r private file F\nthread w\n\tload A+4K => 4096\nthread r\n\tload A => 0\n",
	} {
		r := exploreSource(t, src, Options{Options: explore.Options{Executions: 30}})
		if len(r.Violations) > 0 {
			t.Errorf("%s%s", src, r.Violations[0].Oracle())
		}
	}
}
