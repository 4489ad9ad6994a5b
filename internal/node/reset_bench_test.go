package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkReset resets a server with 1,000 Mini Programs, each with an environment,
// a function and an authorization.
func BenchmarkReset(b *testing.B) {
	var world strings.Builder
	world.WriteString("platforms: [{appid: wx00000000000000c1, secret: s}]\n")
	for _, part := range []struct{ title, item string }{
		{"miniprograms", "{appid: wx%016x}"},
		{"environments", "{id: env-%[1]d, appid: wx%016[1]x}"},
		{"authorizations", "{platform: wx00000000000000c1, appid: wx%016x, permission_sets: [18, 49]}"},
		{"functions", "{env: env-%d, name: hello}"},
	} {
		fmt.Fprintf(&world, "%s:\n", part.title)
		for i := range 1000 {
			fmt.Fprintf(&world, "- "+part.item+"\n", 0xa00000+i)
		}
	}
	for _, ephemeral := range []bool{true, false} {
		b.Run(fmt.Sprintf("ephemeral=%v", ephemeral), func(b *testing.B) {
			cfg := Default()
			cfg.Listen, cfg.AdminListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(b.TempDir(), "data")
			cfg.TestMode, cfg.Ephemeral = true, ephemeral
			cfg.World = filepath.Join(b.TempDir(), "world.yaml")
			if err := os.WriteFile(cfg.World, []byte(world.String()), 0o600); err != nil {
				b.Fatal(err)
			}
			n, err := Start(b.Context(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = n.Shutdown(context.Background()) }()
			for b.Loop() {
				if err := n.Reset(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
