package main

import (
	"fmt"
	"slices"
)

// goal says what a figure has to be.
type goal struct {
	Relation string  `json:"relation"` // ">=", "<=" or "<"; "" where there is none
	Limit    float64 `json:"limit"`
}

func (g goal) reached(v float64) bool {
	switch g.Relation {
	case ">=":
		return v >= g.Limit
	case "<=":
		return v <= g.Limit
	case "<":
		return v < g.Limit
	}
	return true
}

// How the two halves of a pair make one figure.
const (
	ratio      = "ratio"      // real / base
	difference = "difference" // real - base
	plain      = "value"      // real only
)

// row is one line of the table: a measurement with all its pairs.
type row struct {
	Name    string    `json:"name"`
	Figure  string    `json:"figure"`         // ratio, difference or value
	Unit    string    `json:"unit"`           // of Real and Base
	Real    []float64 `json:"real"`           // one per pair
	Base    []float64 `json:"base,omitempty"` // one per pair
	Goal    goal      `json:"goal"`
	Median  float64   `json:"median"` // of the pairs' figures, as are Min and Max
	Min     float64   `json:"min"`
	Max     float64   `json:"max"`
	Reached bool      `json:"reached"`
	Notes   []string  `json:"notes,omitempty"`
	caution caution
}

func (r *row) add(real, base float64) {
	r.Real, r.Base = append(r.Real, real), append(r.Base, base)
}

// finish works out what follows from the pairs.
func (r row) finish() row {
	figures := make([]float64, len(r.Real))
	for i, real := range r.Real {
		switch r.Figure {
		case ratio:
			figures[i] = real / r.Base[i]
		case difference:
			figures[i] = real - r.Base[i]
		default:
			figures[i] = real
		}
	}
	r.Median, r.Min, r.Max = median(figures), slices.Min(figures), slices.Max(figures)
	r.Reached = r.Goal.reached(r.Median)
	r.noteCautions()
	return r
}

func (r *row) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
