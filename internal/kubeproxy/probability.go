package kubeproxy

import (
	"math"
	"strconv"
)

// probability is one in n as iptables-save prints it. kube-proxy writes ten digits (computeProbability, proxier.go), the
// kernel keeps them in units of 2^-31 (xt_statistic.h), and iptables prints eleven digits of that.
func probability(n int) string {
	written, err := strconv.ParseFloat(strconv.FormatFloat(1/float64(n), 'f', 10, 64), 64)
	if err != nil {
		panic(err) // it was just printed
	}
	const unit = 1 << 31
	return strconv.FormatFloat(math.Round(written*unit)/unit, 'f', 11, 64)
}
