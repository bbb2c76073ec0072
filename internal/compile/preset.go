package compile

import (
	"embed"
	"fmt"
	"strings"

	"github.com/podpath/podpath/internal/cluster"
)

//go:embed presets/*.yaml
var presetFiles embed.FS

// Presets are the clusters that come with podpath, the default first.
func Presets() []string {
	return []string{"eks-study", "eks-private", "eks-two-subnets", "onprem-study"}
}

// Preset reads a preset afresh; the caller may change what it gets.
func Preset(id string) (*cluster.Cluster, error) {
	name := "presets/" + id + ".yaml"
	data, err := presetFiles.ReadFile(name)
	if err != nil {
		return nil, &FieldError{Field: "preset", Code: "unknown-preset", Args: map[string]string{"value": id, "want": strings.Join(Presets(), ", ")}}
	}
	c, err := cluster.Read(data, name)
	if err != nil {
		return nil, fmt.Errorf("preset %s: %w", id, err)
	}
	return c, nil
}
