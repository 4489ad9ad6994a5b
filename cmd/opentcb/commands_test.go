package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the generated part of docs/commands.md anew")

// The manual's page. What stands below the mark is generated.
const (
	manual = "../../docs/commands.md"
	mark   = "<!-- Generated below: go test ./cmd/opentcb -run TestManual -update -->\n"
)

// TestManual holds docs/commands.md to the commands and flags that there are.
func TestManual(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	intro, got, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("%s has no line %q", manual, mark)
	}
	want := reference()
	if *update {
		if err := os.WriteFile(manual, []byte(intro+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s is not of today: go test ./cmd/opentcb -run TestManual -update", manual)
	}
	for line := range strings.Lines(want) {
		name, isTitle := strings.CutPrefix(strings.TrimSpace(line), "## opentcb ")
		name = "opentcb " + name
		if isTitle && !strings.Contains(intro, "(#"+strings.ReplaceAll(name, " ", "-")+")") {
			t.Errorf("the table at the beginning of %s does not lead to %s", manual, name)
		}
	}
	root := newRoot()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range allCommands(root) {
		if strings.HasPrefix(cmd.CommandPath(), "opentcb completion ") {
			continue // cobra's own
		}
		if !strings.Contains(string(text), cmd.CommandPath()) {
			t.Errorf("%s does not have %s", manual, cmd.Name())
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(string(text), "`--"+f.Name+"`") ||
				hasVariable(cmd, f.Name) && !strings.Contains(string(text), "`"+variable(f.Name)+"`") {
				t.Errorf("%s does not have --%s of %s", manual, f.Name, cmd.Name())
			}
		})
	}
}

// reference is a section for each command.
func reference() string {
	var b strings.Builder
	b.WriteString("\n## Exit status\n\n| status | of every command |\n|---|---|\n")
	for status, meaning := range statuses {
		fmt.Fprintf(&b, "| %d | %s |\n", status, meaning)
	}
	for _, cmd := range allCommands(newRoot()) {
		if cmd.HasSubCommands() && cmd.Args == nil {
			continue // it does nothing by itself
		}
		usage := cmd.UseLine()
		if !cmd.HasFlags() {
			usage = strings.TrimSuffix(usage, " [flags]")
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n    %s\n", cmd.CommandPath(), cmd.Short, usage)
		if cmd.Long != "" {
			fmt.Fprintf(&b, "\n%s\n", cmd.Long)
		}
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\nFor example:\n\n%s\n", indented(cmd.Example))
		}
		nameVariables(cmd)
		b.WriteString(flagTable(cmd))
	}
	return b.String()
}

// indented is an example as a block of Markdown.
func indented(example string) string {
	var b strings.Builder
	for line := range strings.Lines(example) {
		b.WriteString("    " + strings.TrimLeft(line, " "))
	}
	return b.String()
}

// TestExamples: every command that does something has examples, and each is a command that
// there is, with flags and arguments that it takes.
//
// Proves: OP-10
func TestExamples(t *testing.T) {
	for _, cmd := range allCommands(newRoot()) {
		if cmd.HasSubCommands() && cmd.Args == nil || cmd.Name() == "help" {
			continue
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example: add one to examples.go", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			words := wordsOf(line)
			if len(words) == 0 || words[0] != "opentcb" {
				continue // another program's line
			}
			named, rest, err := newRoot().Find(words[1:])
			if err == nil {
				err = named.ParseFlags(rest)
			}
			if err == nil {
				err = named.ValidateArgs(named.Flags().Args())
			}
			if err != nil || named.CommandPath() != cmd.CommandPath() {
				t.Errorf("an example of %s is no command: %s%v", cmd.CommandPath(), line, err)
			}
		}
	}
}

// wordsOf splits a line as a shell does, up to where another command begins.
func wordsOf(line string) []string {
	var words []string
	for _, quoted := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(line, -1) {
		if quoted == "|" || quoted == ">" {
			break
		}
		words = append(words, strings.Trim(quoted, `'"`))
	}
	return words
}

func flagTable(cmd *cobra.Command) string {
	var b strings.Builder
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if b.Len() == 0 {
			b.WriteString("\n| flag | variable | default | what it is |\n|---|---|---|---|\n")
		}
		what := strings.TrimSuffix(f.Usage, " ["+variable(f.Name)+"]")
		shown := "`" + variable(f.Name) + "`"
		if !hasVariable(cmd, f.Name) {
			shown = ""
		} else if what == f.Usage {
			panic("the description of --" + f.Name + " does not end with its variable")
		}
		what, elsewhere, found := strings.Cut(what, " (default: ")
		value := ""
		switch {
		case found:
			value = strings.TrimSuffix(elsewhere, ")")
		case f.DefValue != "" && f.DefValue != "[]":
			value = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | %s | %s | %s |\n", f.Name, shown, value, strings.ReplaceAll(what, "|", `\|`))
	})
	return b.String()
}

// TestVariables sets every setting of every command by its variable, and
// nothing else.
func TestVariables(t *testing.T) {
	for _, cmd := range allCommands(newRoot()) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			value := map[string]string{
				"int": "17", "int64": "17", "duration": "17s", "bool": "true", "level": "error", "format": "json", "stringSlice": "17,18",
			}[f.Value.Type()]
			if value == "" {
				value = "seventeen"
			}
			before := f.Value.String()
			t.Setenv(variable(f.Name), value)
			fresh := commandNamed(t, cmd.CommandPath())
			if err := fromEnvironment(fresh); err != nil {
				t.Errorf("%s: %v", cmd.Name(), err)
			}
			if !hasVariable(cmd, f.Name) {
				if fresh.Flag(f.Name).Changed {
					t.Errorf("%s --%s belongs to one call, and has a variable", cmd.Name(), f.Name)
				}
				t.Setenv(variable(f.Name), "")
				return
			}
			if got := fresh.Flag(f.Name).Value.String(); got == before || strings.Trim(got, "[]") != value {
				t.Errorf("%s --%s is %q, want %q", cmd.Name(), f.Name, got, value)
			}
			fresh = commandNamed(t, cmd.CommandPath())
			if err := fresh.Flags().Set(f.Name, before); err == nil && f.Value.Type() != "stringSlice" && f.Value.Type() != "stringArray" {
				if err := fromEnvironment(fresh); err != nil || fresh.Flag(f.Name).Value.String() != before {
					t.Errorf("%s --%s: the variable beats the flag: %v", cmd.Name(), f.Name, err)
				}
			}
			t.Setenv(variable(f.Name), "")
		})
	}
}

// A server that is started again must not vouch for what was altered meanwhile.
func TestVouchingIsOfOneStart(t *testing.T) {
	t.Setenv("OPENTCB_VOUCH_ROWS", "true")
	serve := commandNamed(t, "opentcb serve")
	if err := fromEnvironment(serve); err != nil || serve.Flag("vouch-rows").Changed {
		t.Errorf("--vouch-rows is taken from the environment, %v", err)
	}
}

func commandNamed(t *testing.T, path string) *cobra.Command {
	t.Helper()
	cmd, _, err := newRoot().Find(strings.Fields(path)[1:])
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestFlagsAreNarrow: what help says of flags has at most 80 columns, but for words that
// have more by themselves, and nothing of it is left out.
func TestFlagsAreNarrow(t *testing.T) {
	for _, cmd := range allCommands(newRoot()) {
		nameVariables(cmd)
		_, flags, _ := strings.Cut(cmd.UsageString(), "\nFlags:\n")
		for line := range strings.Lines(flags) {
			says := strings.TrimSpace(line[len(flagColumn.FindString(line)):])
			if len(line) > 80+len("\n") && strings.Contains(says, " ") {
				t.Errorf("%s: %s", cmd.CommandPath(), line)
			}
		}
		said := strings.Join(strings.Fields(flags), " ")
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			_, usage := pflag.UnquoteUsage(f)
			if !f.Hidden && !strings.Contains(said, strings.Join(strings.Fields(usage), " ")) {
				t.Errorf("%s does not say %q of --%s", cmd.CommandPath(), usage, f.Name)
			}
		})
	}
}
