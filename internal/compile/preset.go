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
	data, err := PresetText(id)
	if err != nil {
		return nil, err
	}
	c, err := cluster.Read(data, presetFile(id))
	if err != nil {
		return nil, fmt.Errorf("preset %s: %w", id, err)
	}
	return c, nil
}

func presetFile(id string) string { return "presets/" + id + ".yaml" }

// PresetText is a preset's description as it stands in its file.
func PresetText(id string) ([]byte, error) {
	data, err := presetFiles.ReadFile(presetFile(id))
	if err != nil {
		return nil, &FieldError{Field: "preset", Code: "unknown-preset", Args: map[string]string{"value": id, "want": strings.Join(Presets(), ", ")}}
	}
	return data, nil
}
