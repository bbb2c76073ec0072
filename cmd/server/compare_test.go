package main

import (
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/golden"
)

// figuresOf reads the summary table of a comparison's page: the figures of each line, a value a column.
func figuresOf(body string) map[string][]string {
	out := map[string][]string{}
	for _, row := range regexp.MustCompile(`(?s)<tr><th scope="row">(.*?)</th>(.*?)</tr>`).FindAllStringSubmatch(body, -1) {
		for _, v := range regexp.MustCompile(`<td[^>]*>([^<]*)</td>`).FindAllStringSubmatch(row[2], -1) {
			out[row[1]] = append(out[row[1]], v[1])
		}
	}
	return out
}

// TestCompareBytes holds every byte count, MTU and goodput of the page to "Byte costs" of facts/underlay.md: what the headers
// are follows from the protocols, and the file gives the ceilings.
func TestCompareBytes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(golden.Dir(t, "..", "facts"), "underlay.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, facts, ok := strings.Cut(string(text), "## Byte costs")
	if !ok {
		t.Fatal("underlay.md has no section on byte costs")
	}
	for _, want := range []string{"VXLAN 50", "IPIP 20", "1448/1514 = 95.6 %", "1428/1514 = 94.3 %", "1398/1514 = 92.3 %", "99.3 / 99.0 / 98.7 %"} {
		if !strings.Contains(facts, want) {
			t.Fatalf("underlay.md does not say %q any more", want)
		}
	}
	h := pages(t)
	at := func(preset, to string, cnis ...string) string {
		q := url.Values{"preset": {preset}, "from": {"pod/default/netshoot-1"}, "to": {"pod/default/" + to}, "proto": {"tcp"}, "lang": {"en"}, "cni": {cnis[0]}}
		for _, c := range cnis[1:] {
			q.Add("with", "cni="+c)
		}
		code, body := get(t, h, "/compare?"+q.Encode())
		if code == 303 { // the cluster's own plugin need not be named
			q.Del("cni")
			code, body = get(t, h, "/compare?"+q.Encode())
		}
		if code != 200 {
			t.Fatalf("/compare: status %d", code)
		}
		return body
	}
	for _, tt := range []struct {
		body    string
		wire    int
		extra   []int
		goodput []string
	}{
		{at("eks-study", "netshoot-4", "aws-vpc-cni", "calico-ipip", "calico-vxlan"), 9001, []int{0, 20, 50}, []string{"99.3 %", "99.0 %", "98.7 %"}},
		{at("onprem-study", "netshoot-4", "calico-ipip", "calico-vxlan"), 1500, []int{20, 50}, []string{"94.3 % (1428/1514)", "92.3 % (1398/1514)"}},
		{at("onprem-study", "netshoot-3", "calico-bgp", "calico-ipip", "calico-vxlan"), 1500, []int{0, 20, 50}, // one rack: no tunnel is needed
			[]string{"95.6 % (1448/1514)", "94.3 % (1428/1514)", "92.3 % (1398/1514)"}},
	} {
		f := figuresOf(tt.body)
		for i, extra := range tt.extra {
			pod := tt.wire - extra
			segment := fmt.Sprintf("(%d/%d)", pod-52, tt.wire+14) // 52 bytes of IP and TCP with time stamps, 14 of Ethernet
			for name, want := range map[string]string{"Extra header between the nodes": fmt.Sprintf("%d B", extra), "MTU of the sender": fmt.Sprint(pod),
				"MTU between the nodes": fmt.Sprint(tt.wire)} {
				if len(f[name]) != len(tt.extra) || f[name][i] != want {
					t.Errorf("wire %d, column %d: %s is %v, want %s", tt.wire, i, name, f[name], want)
				}
			}
			got := f["Data in full TCP segments"]
			if len(got) != len(tt.extra) || !strings.HasPrefix(got[i], tt.goodput[i]) || !strings.HasSuffix(got[i], segment) {
				t.Errorf("wire %d, column %d: goodput is %v, want %s %s", tt.wire, i, got, tt.goodput[i], segment)
			}
			// The picture's headers: Ethernet 14, IP 20, TCP 32, and what the tunnel puts before them.
			if total := fmt.Sprintf("<em>%d B</em>", 66+extra); !strings.Contains(tt.body, total) {
				t.Errorf("wire %d, column %d: no picture of %d bytes of headers", tt.wire, i, 66+extra)
			}
		}
	}
}

// TestCompare: what the address says is what the columns are; what cannot be compared is said beside the form.
func TestCompare(t *testing.T) {
	h := pages(t)
	base := "/compare?preset=eks-study&from=pod/default/netshoot-1&to=pod/default/netshoot-3&proto=tcp"
	for _, tt := range []struct {
		path    string
		code    int
		columns []string
		says    []string
	}{
		{base + "&with=cni%3Dcalico-vxlan", 200, []string{"AWS VPC CNI", "Calico, VXLAN"}, []string{"+50 B", "one more route lookup", "does not come by here"}},
		{"/compare?preset=eks-study&from=internet&to=lb/default/web-nlb-instance&proto=tcp&with=to%3Dlb/default/web-nlb-ip", 200,
			[]string{"NLB web-nlb-instance", "NLB web-nlb-ip"}, []string{"192.168.1.10:31080"}},
		{"/compare?preset=eks-study&from=pod/default/netshoot-1&to=internet&proto=tcp&with=set%3Dexternalsnat%3Dtrue", 200,
			[]string{"External SNAT: false", "External SNAT: true"}, []string{"does not get here"}},
		{"/compare?preset=eks-study&from=internet&to=node/node-c&proto=tcp&dport=30080&with=dport%3D30081", 200, []string{"Port 30080", "Port 30081"}, []string{"KUBE-EXTERNAL-SERVICES: drop"}},
		{"/compare?preset=onprem-study&from=pod/default/netshoot-1&to=pod/default/netshoot-4&proto=tcp&with=preset%3Deks-study", 200,
			[]string{"On premises, two racks and a router", "EKS, public subnets"}, nil},
		{base + "&with=cni%3Dflannel", 422, nil, []string{"calico-vxlan"}},
		{base + "&with=colour%3Dred", 422, nil, []string{"colour=red is no change"}},
		{base + "&with=a&with=b&with=c&with=d", 422, nil, []string{"4 columns fit"}},
		{"/compare?preset=eks-study&from=pod/default/nobody&to=pod/default/netshoot-3&proto=tcp&with=cni%3Dcalico-vxlan", 422, nil, []string{"pod/default/nobody"}},
	} {
		for _, lang := range []string{"en", "ko"} {
			code, body := get(t, h, tt.path+"&lang="+lang)
			if code != tt.code || rawKey.MatchString(body) {
				t.Errorf("%s in %s: status %d, want %d; %s", tt.path, lang, code, tt.code, rawKey.FindString(body))
			}
			if lang == "ko" {
				continue
			}
			var heads []string
			for _, m := range regexp.MustCompile(`<th scope="col"><a [^>]*>([^<]*)</a>`).FindAllStringSubmatch(body, -1) {
				heads = append(heads, m[1])
			}
			if strings.Join(heads, "|") != strings.Join(tt.columns, "|") {
				t.Errorf("%s: columns %q, want %q", tt.path, heads, tt.columns)
			}
			for _, s := range tt.says {
				if !strings.Contains(body, s) {
					t.Errorf("%s: does not say %q", tt.path, s)
				}
			}
		}
	}
	// The form's own address leads to the plain one: boxes become columns, empty fields go.
	w := "/compare?preset=eks-study&from=pod/default/netshoot-1&to=pod/default/netshoot-3&proto=tcp&dport=&cni=aws-vpc-cni&cni=calico-ipip&with=&with=+set%3Dexternalsnat%3Dtrue+"
	if code, where := redirect(t, h, w); code != 303 || where != base+"&with=cni=calico-ipip&with=set=externalsnat=true" {
		t.Errorf("the form leads to %d %s", code, where)
	}
	// A question alone is compared with the other networks.
	if code, where := redirect(t, h, base); code != 303 || where != base+"&with=cni=calico-vxlan&with=cni=calico-ipip" {
		t.Errorf("one trace leads to %d %s", code, where)
	}
	// Only what differs: what is alike is counted, not shown.
	_, body := get(t, h, base+"&with=cni%3Dcalico-vxlan&only=differences&lang=en")
	if strings.Contains(body, `class="crow same`) || !strings.Contains(body, "alike left out") {
		t.Error("only=differences shows rows that are the same")
	}
	// Chance chooses the same pod in every column, whatever it is called there.
	_, body = get(t, h, "/compare?preset=eks-study&from=pod/default/netshoot-1&to=svc/default/web&proto=tcp&with=cni%3Dcalico-vxlan&lang=en")
	ends := regexp.MustCompile(`step=request/pod/default/(web-\d)/1/deliver`).FindAllStringSubmatch(body, -1)
	if len(ends) != 2 || ends[0][1] != ends[1][1] {
		t.Errorf("the columns end at different pods: %q", ends)
	}
}

// TestCompareTimes: the parts of each column's bar are its whole, also where the answer is an ICMP error.
func TestCompareTimes(t *testing.T) {
	h := pages(t)
	bar := regexp.MustCompile(`(?s)<svg class="busy".*?</em>`)
	part := regexp.MustCompile(`<title>[^<]*: ([0-9.]+) µs`)
	whole := regexp.MustCompile(`<em>([0-9.]+) µs`)
	number := func(s string) float64 {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, more := range []string{"", "&dport=9999&ttl=2", "&ttl=1"} {
		_, body := get(t, h, "/compare?preset=eks-study&from=pod/default/netshoot-1&to=pod/default/netshoot-3&proto=udp"+more+"&with=cni=calico-vxlan&lang=en")
		bars := bar.FindAllString(body, -1)
		if len(bars) != 2 {
			t.Fatalf("%s: %d bars", more, len(bars))
		}
		for i, b := range bars {
			sum, parts := 0.0, part.FindAllStringSubmatch(b, -1)
			for _, p := range parts {
				sum += number(p[1])
			}
			// Each figure is rounded to two digits.
			if want := number(whole.FindStringSubmatch(b)[1]); math.Abs(sum-want) > 0.5+0.25*float64(len(parts)) {
				t.Errorf("%s, column %d: the parts are %.1f µs of %.1f", more, i, sum, want)
			}
		}
	}
}

// TestCompareErrors: what is wrong with the question itself is said once.
func TestCompareErrors(t *testing.T) {
	for _, q := range []string{"to=pod/default/netshoot-3&dport=99999", "to=pod/default/nobody", "to=pod/default/netshoot-3&set=networkpolicy=some"} {
		code, body := get(t, pages(t), "/compare?preset=eks-study&from=pod/default/netshoot-1&proto=tcp&"+q+"&with=cni=calico-vxlan&with=cni=calico-ipip&lang=en")
		if n := strings.Count(body, `role="alert"`); code != 422 || n != 1 {
			t.Errorf("%s: status %d, %d alerts, want 422 and 1", q, code, n)
		}
	}
}
