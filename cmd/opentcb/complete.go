package main

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

// A shell that asks for values waits this long, and is given so many at most.
const (
	completeTime = 2 * time.Second
	completeMost = 1000
)

var errEnough = errors.New("enough values")

// complete gives the shell the values of the server that an argument may have, by the
// argument's name in the command's usage. Without a server there are none.
func (r *remote) complete(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	names := strings.Fields(cmd.Use)[1:]
	if len(args) >= len(names) || fromEnvironment(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := r.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, end := context.WithTimeout(context.Background(), completeTime)
	defer end()
	var values []string
	add := func(value string) error {
		if strings.HasPrefix(value, begun) {
			values = append(values, value)
		}
		if len(values) == completeMost {
			return errEnough
		}
		return nil
	}
	name := names[len(args)]
	if name == "APPID" && cmd.Parent().Name() == "platform" {
		name = "PLATFORM"
	}
	_ = possible(ctx, c, name, args, add) // those that came before an error are values too
	return values, cobra.ShellCompDirectiveNoFileComp
}

// possible gives each value that an argument of that name may have to add.
func possible(ctx context.Context, c *admin.Client, name string, args []string, add func(string) error) error {
	largest := url.Values{"limit": {"1000"}}
	switch name {
	case "PLATFORM":
		return c.Platforms(ctx, largest, func(p cloud.PlatformView) error { return add(p.AppID) })
	case "APPID":
		return c.MiniPrograms(ctx, largest, func(m cloud.MiniProgram) error { return add(m.AppID) })
	case "ENV":
		return c.Environments(ctx, largest, func(e cloud.EnvironmentView) error { return add(e.ID) })
	case "FUNCTION":
		return c.Functions(ctx, args[0], func(f cloud.FunctionView) error { return add(f.Name) })
	}
	return nil
}
