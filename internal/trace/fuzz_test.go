package trace_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/trace"
)

// FuzzWalk traces through whatever a snapshot makes of its input: odd routes, rules and links may end a packet, but not
// the program, and every trace renders.
func FuzzWalk(f *testing.F) {
	f.Add(archive(nil))
	f.Add(archive(map[string]string{"router/iptables-save.txt": "*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination 10.0.2.2\n-A POSTROUTING -j MASQUERADE --random-fully\nCOMMIT\n"}))
	f.Add(archive(map[string]string{"router/nft.txt": "table ip t {\n\tchain c {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t\tmeta mark set ct mark & 0x80\n\t\tdnat to 10.0.2.2\n\t}\n}\n"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		top, err := snapshot.ReadArchive(data, "fuzz")
		if err != nil {
			return
		}
		names := top.Names()
		if len(names) > 4 {
			names = names[:4]
		}
		for i, from := range names {
			to := netip.MustParseAddr("10.0.2.2")
			if ns, err := top.Namespace(names[len(names)-1-i]); err == nil && ns.PrimaryAddress().Is4() {
				to = ns.PrimaryAddress()
			}
			for _, q := range []trace.Query{
				{From: from, To: to, Protocol: packet.TCP, DstPort: 80, Exchange: true, DF: true},
				{From: from, To: to, Protocol: packet.UDP, DstPort: 53, TTL: 2, Payload: 2000, DF: true},
				{From: from, To: to, Protocol: packet.ICMP},
			} {
				tr, err := trace.Run(top, q)
				if err != nil {
					continue
				}
				if _, err := json.Marshal(tr.Document()); err != nil {
					t.Fatal(err)
				}
				tr.Path()
				tr.Rules()
			}
		}
	})
}
