package callboard_test

import (
	"os/exec"
	"regexp"
	"testing"
)

func TestExamplesDoWhatTheySay(t *testing.T) {
	for name, row := range map[string]struct {
		arguments []string
		says      string
	}{
		"first-call":       {[]string{newKey(t), "5"}, `the number of \S+ is 5\nmessage 1 of this counter was \S+\n$`},
		"tell-with-delay":  {nil, `delivered; the number is \d+\nthat of tomorrow is cancelled: true\n$`},
		"parallel-asks":    {nil, `^anna: \d+\nbert: \d+\nclara: \d+\ndora: \d+\nemil: \d+\n$`},
		"idempotent-retry": {nil, `the number is 5; it was sent before: true\n(.*\n)?the number is \d+\n$`},
		"errors":           {nil, `^another message has the id order-7\nmend callboard-key\nsomebody has to look at it: .*CANCELLED.*\n$`},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := append([]string{"run", "./examples/" + name, "-url", gatewayURL}, row.arguments...)
			output, err := exec.CommandContext(t.Context(), "go", arguments...).CombinedOutput()
			if err != nil || !regexp.MustCompile(row.says).Match(output) {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}
