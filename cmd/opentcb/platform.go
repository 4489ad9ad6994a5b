package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
)

func platformCommand() *cobra.Command {
	n := noun[cloud.PlatformView, cloud.PlatformChange]{
		name: "platform", arg: "APPID", what: "a platform",
		get: (*admin.Client).Platform, put: (*admin.Client).PutPlatform, change: (*admin.Client).ChangePlatform,
		flags: platformFlags, text: platformText,
	}
	const states = "Of a disabled platform no call, link and upload is served; enabled, everything is as before."
	state := func(p cloud.PlatformView) string {
		return fmt.Sprintf("platform %s is %s, with %s", p.AppID, inUse(p.Disabled, false), p.Counts)
	}
	return groupCommand("platform", "See and change platforms",
		listCommand("List the platforms", "List all platforms by appid.", []string{"appid", "name", "state", "authorizations"},
			func(p cloud.PlatformView) []string {
				return []string{p.AppID, p.Name, inUse(p.Disabled, p.Removing), fmt.Sprint(p.Counts.Authorizations)}
			}, (*admin.Client).Platforms),
		n.show("Show a platform, and how much there is below it."),
		n.add("Make a platform and print its secret", "Make a platform with a new secret, which is printed this once."),
		n.set("Change what the flags name; the rest stays."),
		n.switching("disable", "Disable", states, cloud.PlatformChange{Disabled: cloud.Given(true)}, state),
		n.switching("enable", "Enable", states, cloud.PlatformChange{Disabled: cloud.Given(false)}, state),
		removeCommand("platform", "APPID", (*admin.Client).RemovePlatform))
}

func platformText(p cloud.PlatformView) string {
	var events []string
	for _, e := range p.Events {
		events = append(events, e.URL)
	}
	return pairs("appid", p.AppID, "name", p.Name, "state", inUse(p.Disabled, p.Removing), "permission_sets", setsText(p.PermissionSets),
		"quotas", quotasText(p.Quotas), "ip_whitelist", networksText(p.IPWhitelist),
		"events", strings.Join(events, "\n\t"),
		"consent_hosts", strings.Join(p.ConsentHosts, ", "),
		"below it", p.Counts.String(), "created_at", local(p.CreatedAt), "secret, shown once", p.Secret)
}

// platformFlags adds the flags of what is said of a platform, and returns what reads them.
func platformFlags(cmd *cobra.Command) func() (cloud.PlatformChange, error) {
	name := cmd.Flags().String("name", "", "what it is called; \"\" takes the name away")
	words := cmd.Flags().StringSlice("sets", nil, "permission sets that it asks merchants for; \"\" takes them away")
	limits := limitFlags(cmd)
	return func() (with cloud.PlatformChange, err error) {
		sets, err := parseSets(*words)
		if err == nil {
			err = limits(&with)
		}
		with.Name, with.PermissionSets = given(cmd, "name", *name), given(cmd, "sets", sets)
		return with, err
	}
}

// limitFlags adds the flags of what bounds a platform; what it returns reads them.
func limitFlags(cmd *cobra.Command) func(*cloud.PlatformChange) error {
	words := cmd.Flags().StringSlice("quotas", nil,
		"calls it may make, such as getcodesecret.day=1000,getcodesecret.minute=50,all.day=10000; \"\" takes them away")
	hosts := cmd.Flags().StringSlice("consent-hosts", nil,
		"hosts that its consent page may lead to, such as app.example.com:8443; \"\" is this machine alone")
	from := cmd.Flags().StringSlice("ip-whitelist", nil,
		"addresses and networks that its calls come from, such as 192.0.2.0/24; \"\" is anywhere")
	return func(with *cloud.PlatformChange) error {
		quotas, err := parseQuotas(*words)
		if err != nil {
			return usageError{err}
		}
		var networks []cloud.Network
		for _, text := range *from {
			network, err := cloud.ParseNetwork(text)
			if err != nil {
				return usageError{fmt.Errorf("--ip-whitelist: %q: %w", text, err)}
			}
			networks = append(networks, network)
		}
		with.ConsentHosts = given(cmd, "consent-hosts", *hosts)
		with.Quotas, with.IPWhitelist = given(cmd, "quotas", quotas), given(cmd, "ip-whitelist", networks)
		return nil
	}
}

// parseQuotas reads NAME.day=N and NAME.minute=N; the name of all interfaces
// together is all.
func parseQuotas(words []string) (q cloud.Quotas, err error) {
	q.Interfaces = map[string]cloud.Quota{}
	for _, word := range words {
		what, number, _ := strings.Cut(word, "=")
		name, span, _ := strings.Cut(what, ".")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 1 || n > cloud.MaxQuota || name == "" || span != "day" && span != "minute" {
			return q, fmt.Errorf("--quotas: %q is not like getcodesecret.day=1000 or all.minute=50", word)
		}
		of := q.Interfaces[name]
		if name == "all" {
			of = q.All
		}
		if span == "day" {
			of.Day = n
		} else {
			of.Minute = n
		}
		if name == "all" {
			q.All = of
		} else {
			q.Interfaces[name] = of
		}
	}
	return q, nil
}

// quotasText writes quotas as the flag has them.
func quotasText(q cloud.Quotas) string {
	var words []string
	add := func(name string, of cloud.Quota) {
		if of.Day > 0 {
			words = append(words, fmt.Sprintf("%s.day=%d", name, of.Day))
		}
		if of.Minute > 0 {
			words = append(words, fmt.Sprintf("%s.minute=%d", name, of.Minute))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.Interfaces)) {
		add(name, q.Interfaces[name])
	}
	add("all", q.All)
	return strings.Join(words, ",")
}

func networksText(networks []cloud.Network) string {
	words := make([]string, len(networks))
	for i, n := range networks {
		words[i] = n.String()
	}
	return strings.Join(words, ",")
}
