package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/opentcb/opentcb/tcb"
)

// SealedConfig is a kind of a function's configuration, sealed: its JSON text has the
// values of variables, which are secrets.
type SealedConfig struct {
	Account string
	Env     string
	Name    string
	Kind    tcb.FuncConfigType
	Sealed  string
}

// FuncConfigStore keeps the configuration of functions. It goes with its function.
type FuncConfigStore interface {
	// PutFuncConfig replaces a kind of a function's configuration, and returns false if
	// there is no such function.
	PutFuncConfig(ctx context.Context, c SealedConfig, rec Record) (bool, error)
	// FuncConfigs returns the configurations of an environment's functions whose names
	// are not before from and not after to, by name and kind.
	FuncConfigs(ctx context.Context, account, env, from, to string) ([]SealedConfig, error)
}

const (
	actUploadConfig = "uploadfuncconfig"
	actGetConfig    = "getfuncconfig"
)

// row is the identity that a configuration is bound to.
func (c SealedConfig) row() []string {
	return []string{c.Account, c.Env, c.Name, strconv.FormatInt(int64(c.Kind), 10)}
}

// SetFuncConfig replaces a kind of the configuration of a function of the caller's
// account (FC-1, FC-2): EnvironmentNotFound, FunctionNotFound, or InvalidArgs.
func (s *Service) SetFuncConfig(
	ctx context.Context, c Caller, env, name string, kind tcb.FuncConfigType, text string,
) error {
	f, err := s.functionOf(ctx, c.account(), env, name)
	if err != nil {
		return s.recordOutcome(c, actUploadConfig, Function{Env: env, Name: name}.target(), err)
	}
	var settings FuncSettings
	row, err := s.sealConfig(SealedConfig{Account: f.Account, Env: env, Name: name, Kind: kind}, text, &settings)
	if err != nil {
		return s.recordOutcome(c, actUploadConfig, f.target(), err)
	}
	rec := c.record(actUploadConfig, f.target())
	rec.Detail = fmt.Sprintf("type %d", kind)
	ok, err := s.store.PutFuncConfig(ctx, row, rec)
	switch {
	case err != nil:
		return storeError("put configuration", err)
	case !ok:
		return Refused(FunctionNotFound, "function not exists")
	}
	return nil
}

// sealConfig seals a kind of configuration that a function is to have, and reads it
// into settings: InvalidArgs.
func (s *Service) sealConfig(row SealedConfig, text string, settings *FuncSettings) (SealedConfig, error) {
	if err := settings.read(row.Kind, text); err != nil {
		return row, err
	}
	if len(settings.taken) > 0 {
		return row, badConfig("has the variable %s, whose name is taken", settings.taken[0])
	}
	row.Sealed = s.ring.Seal(funcConfigPurpose, row.row(), text)
	return row, nil
}

// FuncConfig returns a kind of the configuration of a function of the caller's account as
// it was sent (FC-3): EnvironmentNotFound, FunctionNotFound, InvalidArgs for a kind that
// is none, or ConfigNotFound.
func (s *Service) FuncConfig(
	ctx context.Context, c Caller, env, name string, kind tcb.FuncConfigType,
) (string, error) {
	f, err := s.functionOf(ctx, c.account(), env, name)
	text, neverSet := "", map[tcb.FuncConfigType]string{
		tcb.FuncConfigAPIs: "", tcb.FuncConfigTriggers: `{"triggers":[]}`,
		tcb.FuncConfigProcess: fmt.Sprintf(`{"timeout":%d,"environment":[]}`, DefaultTimeout),
	}
	if err == nil {
		var known bool
		if text, known = neverSet[kind]; !known {
			err = errKind
		}
	}
	if err == nil {
		err = s.eachConfig(ctx, f.Account, env, name, name, func(c SealedConfig, plain string) error {
			if c.Kind == kind {
				text = plain
			}
			return nil
		})
	}
	if err == nil && text == "" {
		err = Refused(ConfigNotFound, "")
	}
	return text, s.recordOutcome(c, actGetConfig, Function{Env: env, Name: name}.target(), err)
}

// eachConfig gives the configurations of functions, by name, to each.
func (s *Service) eachConfig(
	ctx context.Context, account, env, from, to string, each func(c SealedConfig, text string) error,
) error {
	rows, err := s.store.FuncConfigs(ctx, account, env, from, to)
	if err != nil {
		return storeError("configuration", err)
	}
	return s.openConfigs(rows, each)
}

func (s *Service) openConfigs(rows []SealedConfig, each func(c SealedConfig, text string) error) error {
	for _, row := range rows {
		text, err := s.ring.Open(funcConfigPurpose, row.row(), row.Sealed)
		if err == nil {
			err = each(row, text)
		}
		if err != nil {
			return internalError("configuration of "+row.Name, err)
		}
	}
	return nil
}

// settingsOf returns the settings of functions, by name, of those that have any.
func (s *Service) settingsOf(
	ctx context.Context, account, env string, fs []Function,
) (map[string]*FuncSettings, error) {
	all := map[string]*FuncSettings{}
	for _, f := range fs {
		all[f.Name] = &FuncSettings{Timeout: DefaultTimeout, Environment: []Variable{}}
	}
	if len(fs) == 0 {
		return all, nil
	}
	return all, s.eachConfig(ctx, account, env, fs[0].Name, fs[len(fs)-1].Name, func(c SealedConfig, text string) error {
		if f := all[c.Name]; f != nil {
			return f.read(c.Kind, text)
		}
		return nil
	})
}

// readConfigs reads what is stored of the configuration of functions into what a world
// file says of it.
func (s *Service) readConfigs(fs []WorldFunction) error {
	for i := range fs {
		f, has := &fs[i], FuncSettings{}
		err := s.openConfigs(f.Configs, func(c SealedConfig, text string) error { return has.read(c.Kind, text) })
		if err != nil {
			return err
		}
		for i := range has.Triggers {
			has.Triggers[i].Type = ""
		}
		f.Timeout = Maybe[int64]{Given: has.Timeout > 0, Value: has.Timeout}
		f.OpenAPI = Maybe[[]string]{Given: has.APIs != nil, Value: has.APIs}
		f.Triggers = Maybe[[]Trigger]{Given: has.Triggers != nil, Value: has.Triggers}
	}
	return nil
}

// FuncSettings is what the configuration of a function says.
type FuncSettings struct {
	Timeout     int64 // of one call, in seconds
	Environment []Variable
	APIs        []string // names of open interfaces: without effect
	Triggers    []Trigger
	// taken are variables that are left out. A configuration may have them that was kept
	// when fewer names were taken.
	taken []string
}

// Variable is one variable of a function's environment.
type Variable struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Trigger is when a function is to be run by itself, which it is not here.
type Trigger struct {
	Name   string `json:"name"`
	Type   string `json:"type,omitempty"` // timer; a world file does not say it
	Config string `json:"config"`         // seven fields of cron
}

// maxConfig bounds the JSON text of a configuration, in bytes.
const maxConfig = 64 << 10

var errKind = Refused(InvalidArgs, "type must be 1, 2 or 3")

// read reads the JSON text of a kind of configuration in place of what was read of that
// before. What is wrong is InvalidArgs, and says nothing of a value.
func (f *FuncSettings) read(kind tcb.FuncConfigType, text string) error {
	if len(text) > maxConfig {
		return badConfig("is over %d bytes", maxConfig)
	}
	read, known := map[tcb.FuncConfigType]func(string) error{
		tcb.FuncConfigAPIs: f.readAPIs, tcb.FuncConfigTriggers: f.readTriggers, tcb.FuncConfigProcess: f.readProcess,
	}[kind]
	if !known {
		return errKind
	}
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") || !json.Valid([]byte(text)) {
		return badConfig("must be the text of a JSON object")
	}
	return read(text)
}

// badConfig refuses a configuration.
func badConfig(format string, args ...any) error {
	return Refused(InvalidArgs, "config "+fmt.Sprintf(format, args...))
}
