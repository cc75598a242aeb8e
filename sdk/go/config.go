package portolan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// read reads the operator's config table. No bytes, or null, are an empty one.
func read[C any](config []byte) (read C, err error) {
	text := bytes.TrimSpace(config)
	if len(text) == 0 || bytes.Equal(text, []byte("null")) {
		text = []byte("{}")
	}
	if text[0] != '{' {
		return read, errors.New("config: it is no table")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(&read); err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return read, nil
		}
		err = errors.New("there is something behind it")
	}
	return read, words(err)
}

// words names the key that an error of the decoder is about.
func words(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("config.%s: a %s, where %s is wanted", kind.Field, kind.Value, kind.Type)
	}
	said := strings.TrimPrefix(err.Error(), "json: ")
	if key, ok := strings.CutPrefix(said, "unknown field "); ok {
		return fmt.Errorf("config.%s: unknown field", strings.Trim(key, `"`))
	}
	return fmt.Errorf("config: %s", said)
}
