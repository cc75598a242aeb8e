package tenanthash

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// claimOf is a claim of a JSON Web Token (RFC 7519) that is a text, an integer of 64 bits or a truth value, as text. For
// placement only: nothing is verified here, the application does that.
func claimOf(authorization []byte, claim string) ([]byte, bool) {
	scheme, token, _ := bytes.Cut(bytes.TrimSpace(authorization), []byte(" "))
	parts := bytes.Split(bytes.TrimSpace(token), []byte("."))
	if !utf8.Valid(authorization) || !strings.EqualFold(string(scheme), "bearer") || len(parts) < 2 {
		return nil, false
	}
	// The decoder passes over line breaks, which are no letters of the alphabet.
	payload, err := base64.RawURLEncoding.DecodeString(string(parts[1]))
	if err != nil || bytes.ContainsAny(parts[1], "\r\n") || !utf8.Valid(payload) {
		return nil, false
	}
	var claims map[string]json.RawMessage
	if json.Unmarshal(payload, &claims) != nil {
		return nil, false
	}
	value := claims[claim]
	if len(value) == 0 {
		return nil, false
	}
	switch value[0] {
	case '"':
		var text string
		err := json.Unmarshal(value, &text)
		return []byte(text), err == nil && text != ""
	case 't', 'f':
		return value, true
	default:
		return value, isInteger(string(value))
	}
}

// isInteger says whether a number is written as an integer of 64 bits.
func isInteger(number string) bool {
	if _, err := strconv.ParseInt(number, 10, 64); err == nil {
		return number != "-0"
	}
	_, err := strconv.ParseUint(number, 10, 64)
	return err == nil
}
