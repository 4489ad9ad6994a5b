package main

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/opentcb/opentcb/internal/words"
	"github.com/opentcb/opentcb/tcb"
)

// maxEvent is the largest event that the interface takes, in bytes.
const maxEvent = 6 << 20

func invokeCloudFunctionCommand() *cobra.Command {
	return providerCommand("invokecloudfunction ENV NAME [EVENT]", "Have a function run, and print its result",
		`Call invokecloudfunction: have a function run with an event, and print what it
returns. The event is JSON, such as '{"user":"Zhang"}'; without one it is {}, and -
reads it from standard input.`,
		cobra.RangeArgs(2, 3), func(cmd *cobra.Command, p *provider, c *tcb.Client, args []string) (answer, error) {
			event, err := textOrInput(cmd, append(args, "{}")[2], maxEvent)
			if err != nil {
				return answer{}, err
			}
			if !json.Valid(event) {
				return answer{}, usageError{errors.New(`the event is no JSON: give it such as '{"user":"Zhang"}'`)}
			}
			result, err := c.InvokeCloudFunction(cmd.Context(), args[0], args[1], event)
			return answer{result, words.Printable(string(result))}, err
		})
}

// textOrInput returns an argument, or, where that is -, so many bytes of standard input,
// and one more if there are more.
func textOrInput(cmd *cobra.Command, arg string, most int64) ([]byte, error) {
	if arg != "-" {
		return []byte(arg), nil
	}
	return io.ReadAll(io.LimitReader(cmd.InOrStdin(), most+1))
}
