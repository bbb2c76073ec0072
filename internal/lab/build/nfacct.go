package build

import (
	"fmt"
	"regexp"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab/space"
)

// Numbers of nfnetlink_acct (uapi/linux/netfilter/nfnetlink_acct.h).
const (
	acctSubsystem = 7 // NFNL_SUBSYS_ACCT
	acctNew       = 0 // NFNL_MSG_ACCT_NEW
	acctName      = 1 // NFACCT_NAME
)

var acctMatch = regexp.MustCompile(`--nfacct-name\s+(\S+)`)

// accounts makes the counters that rules with `-m nfacct` name: kube-proxy makes them before its rules, for the match refuses a
// name that is not there (nfacct_mt_checkentry in net/netfilter/xt_nfacct.c).
func accounts(s *space.Space, rules string) error {
	made := map[string]bool{}
	for _, m := range acctMatch.FindAllStringSubmatch(rules, -1) {
		name := m[1]
		if made[name] {
			continue
		}
		made[name] = true
		req := nl.NewNetlinkRequest(acctSubsystem<<8|acctNew, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
		req.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_UNSPEC, Version: nl.NFNETLINK_V0})
		req.AddData(nl.NewRtAttr(acctName, nl.ZeroTerminated(name)))
		err := s.Do(func() error { _, err := req.Execute(unix.NETLINK_NETFILTER, 0); return err })
		if err != nil && !tolerated(err, unix.EEXIST) {
			return fmt.Errorf("namespace %s: nfacct %s: %w", s.Name, name, err)
		}
	}
	return nil
}
