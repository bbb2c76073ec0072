package maxpods

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/golden"
)

// notInLimits are the types of the facts' table that the resource controller does not know: it leaves out those that EKS
// has no use for (old, bare metal of other purposes, HPC), and some new ones.
var notInLimits = []string{"bmn-sf1.metal", "c5a.metal", "c5ad.metal", "cr1.8xlarge", "hpc6a.48xlarge", "hpc6id.32xlarge", "hpc7a.12xlarge",
	"hpc7a.24xlarge", "hpc7a.48xlarge", "hpc7a.96xlarge", "hpc8a.96xlarge", "hs1.8xlarge", "trn2.3xlarge", "trn2.48xlarge", "u-12tb1.metal",
	"u-18tb1.metal", "u-24tb1.metal", "u-6tb1.metal", "u-9tb1.metal"}

// metalOnNitro is bare metal that the facts' table gives a hypervisor all the same; Limits does not.
var metalOnNitro = []string{"c7g.metal"}

// TestFacts compares every type, column by column, with ../shared/facts/eni-max-pods.tsv, which was made from the CNI's own
// table and AWS's lists, not from this package.
func TestFacts(t *testing.T) {
	rows, columns := facts(t)
	var absent, odd []string
	compared := 0
	for _, row := range rows {
		name := row["instance_type"]
		ty, err := Find(name)
		if err != nil {
			absent = append(absent, name)
			continue
		}
		plain, prefix := Compute(ty, Options{}), Compute(ty, Options{Prefix: true})
		number := func(n int) string { return strconv.Itoa(n) }
		known := func(n int) string {
			if n == 0 {
				return "unknown"
			}
			return number(n)
		}
		got := map[string]string{
			"instance_type": ty.Name,
			// The table's limits are of the default card: that is all the CNI knows (facts/aws-vpc-cni.md, "Max pods").
			"max_enis": number(ty.ENIs), "enis_default_card": number(ty.ENIs), "ipv4_per_eni": number(ty.IPv4),
			"vcpus": known(ty.VCPUs), "vcpu_source": strings.Replace(string(ty.VCPUSource), "unknown", "-", 1),
			"max_pods_secondary": number(plain.Secondary), "max_pods_prefix_uncapped": number(prefix.Formula), "max_pods_prefix_capped": known(prefix.Pods),
			"eks_ceiling": known(ty.Ceiling()), "network_cards": number(ty.Cards), "hypervisor": ty.Hypervisor, "bare_metal": strconv.FormatBool(ty.BareMetal),
			"branch_enis": number(ty.BranchENIs), "limits_source": row["limits_source"],
		}
		if prefix.PrefixRefused {
			got["max_pods_prefix_uncapped"], got["max_pods_prefix_capped"] = "-", "-"
		} else if ty.Ceiling() != 0 && prefix.Pods != min(prefix.Formula, ty.Ceiling()) {
			t.Errorf("%s: pods %d of %d under %d", name, prefix.Pods, prefix.Formula, ty.Ceiling())
		}
		if plain.Formula != plain.Secondary {
			t.Errorf("%s: formula %d, secondary %d", name, plain.Formula, plain.Secondary)
		}
		if ty.BareMetal && ty.Hypervisor == "" {
			if h := row["hypervisor"]; h == "unknown" || h == "-" {
				got["hypervisor"] = h // two words for none
			} else {
				odd = append(odd, name)
				got["hypervisor"] = h
			}
		}
		for _, c := range columns {
			if got[c] != row[c] {
				t.Errorf("%s: %s is %q, the facts say %q (limits from %s)", name, c, got[c], row[c], row["limits_source"])
			}
		}
		compared++
	}
	slices.Sort(absent)
	if !slices.Equal(absent, notInLimits) {
		t.Errorf("types of the table that Limits has not: %q, want %q", absent, notInLimits)
	}
	if !slices.Equal(odd, metalOnNitro) {
		t.Errorf("bare metal with a hypervisor: %q, want %q", odd, metalOnNitro)
	}
	if all := Types(); compared != len(all) {
		t.Errorf("%d types compared of %d", compared, len(all))
	}
	golden.Count(t, "instance types", compared)
}

// facts reads the table: its rows by the names of the columns.
func facts(t *testing.T) (rows []map[string]string, columns []string) {
	t.Helper()
	path := filepath.Join(golden.Dir(t, "..", "facts"), "eni-max-pods.tsv")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		cells := strings.Split(s.Text(), "\t")
		if columns == nil {
			columns = cells
			continue
		}
		row := map[string]string{}
		for i, c := range columns {
			row[c] = cells[i]
		}
		rows = append(rows, row)
	}
	if len(rows) < 1400 {
		t.Fatal(fmt.Errorf("%s has %d rows", path, len(rows)))
	}
	return rows, columns
}
