package scout

import (
	"slices"
	"testing"
	"time"

	"portolan"
	"portolan/http"
	"portolan/kv"
)

func TestFieldsAreLookedUp(t *testing.T) {
	fields := portolan.FieldsWith(map[string]string{"path": "/look", "lazy:header:x-user": "ann"})
	if said := (scout{}).say(&portolan.Request{Fields: fields}); said != "ann,none,none" {
		t.Error(said)
	}
}

func TestWhatServersSayIsKept(t *testing.T) {
	kv.Forget()
	http.Serve("http://well/", 200, "hello")
	http.Fail("http://ill/", http.Broken)
	regions := portolan.RegionsOf([]portolan.Region{{ID: 0, Name: "eu"}})
	policy := scout{config: config{URLs: []string{"http://well/", "http://ill/", "http://none/"}, EveryMs: 250}}
	told := []portolan.Change{{Region: regions.ByID(0), Before: portolan.Healthy, Now: portolan.Down}}
	if pause := policy.Watch(&portolan.Changes{All: told, Regions: regions}); pause != 250*time.Millisecond {
		t.Error(pause)
	}
	kept := map[string]string{"eu": "healthy>down", "url-0": "200 true 5 none hello", "url-1": "broken", "url-2": "no-connection"}
	for key, expected := range kept {
		if found, err := seen.Get([]byte(key)); err != nil || string(found) != expected {
			t.Errorf("%s: %s, %v", key, found, err)
		}
	}
	if asked := http.Asked(); !slices.Equal(asked, policy.URLs) {
		t.Error(asked)
	}
}
