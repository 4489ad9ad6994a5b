package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
)

// result is what -json prints.
type result struct {
	MiniPrograms int     `json:"miniprograms"`
	Pairs        int     `json:"pairs"`
	Seconds      float64 `json:"seconds"` // of each half of a pair
	Control      bool    `json:"control,omitempty"`
	Go           string  `json:"go"`
	Kernel       string  `json:"kernel"`
	CPU          string  `json:"cpu"`
	Rows         []row   `json:"rows"`
}

func newResult(o options, rows []row) result {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return result{
		MiniPrograms: o.miniprograms, Pairs: o.pairs, Seconds: o.duration.Seconds(), Control: o.control,
		Go: runtime.Version(), Kernel: strings.TrimSpace(string(kernel)), CPU: cpuModel(), Rows: rows,
	}
}

func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func (r result) print(out io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	fmt.Fprintf(out, "%d Mini Programs, medians of %d pairs of %gs, server and load on a core each\n%s, %s, Linux %s\n\n",
		r.MiniPrograms, r.Pairs, r.Seconds, r.CPU, r.Go, r.Kernel)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "measurement\treal\tbase\tunit\tfigure\tmin–max\ttarget\t\t")
	for _, row := range r.Rows {
		fmt.Fprintln(table, strings.Join(row.cells(), "\t")+"\t")
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, row := range r.Rows {
		for _, note := range row.Notes {
			fmt.Fprintf(out, "\n%s: %s", row.Name, note)
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}

func (r row) cells() []string {
	base, target, verdict := "", "", ""
	if r.Figure != plain {
		base = number(median(r.Base))
	}
	if r.Goal.Relation != "" {
		target, verdict = fmt.Sprintf("%s %g", r.Goal.Relation, r.Goal.Limit), "MISSED"
		if r.Reached {
			verdict = "reached"
		}
	}
	return []string{
		r.Name, number(median(r.Real)), base, r.Unit,
		number(r.Median), number(r.Min) + "–" + number(r.Max), target, verdict,
	}
}

func number(v float64) string {
	switch {
	case v >= 1000 || v <= -1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v <= -10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
