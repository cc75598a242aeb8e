/* Keeps each tenant in one region: the policy `tenant-hash` in C. ../../README.md has the configuration, ../../src the same
 * policy in Rust; both are held to ../../cases.toml.
 */
#include <portolan.h>
#include <stdlib.h>
#include <string.h>

#include "tenant_hash.h"

/* The factor that Mirrokni, Thorup and Zadimoghaddam advise ("Consistent Hashing with Bounded Loads", 2017). */
#define LOAD 1.25

/* What the configuration says. */
static struct {
  const char *claim; /* NULL where the field is the key */
  double load;
} settings;

static bool begins(const char *text, const char *with) { return memcmp(text, with, strlen(with)) == 0; }

/* Reads the configuration into `settings`; `field` is what the policy wants to see. Returns NULL or what is wrong. */
static const char *read(portolan_json config, const char **field) {
  static const char *const known[] = {"by", "load", NULL};
  const char *stranger = portolan_json_stranger(config, known);
  if (stranger != NULL) return portolan_refuse("config.", stranger, ": unknown field, expected `by` or `load`");
  portolan_json by = portolan_json_member(config, "by"), load = portolan_json_member(config, "load");
  settings.load = load.kind == PORTOLAN_JSON_NONE ? LOAD : portolan_json_number(load);
  if (!(settings.load >= 1 && settings.load <= 100)) {
    return portolan_refuse("config.load: ", portolan_json_written(load), " is not between 1 and 100");
  }
  if (by.kind == PORTOLAN_JSON_NONE) return "config: missing field `by`";
  const char *source = by.kind == PORTOLAN_JSON_STRING ? portolan_json_string(by) : "", *colon = source;
  while (*colon != 0 && *colon != ':') colon++;
  bool named = *colon == ':' && colon[1] != 0;
  bool jwt = named && begins(source, "jwt:");
  if (!jwt && !(named && (begins(source, "header:") || begins(source, "cookie:") || begins(source, "query:")))) {
    return portolan_refuse("config.by: ", portolan_json_written(by),
                           " is none of `header:NAME`, `cookie:NAME`, `query:NAME` and `jwt:CLAIM`");
  }
  settings.claim = jwt ? colon + 1 : NULL;
  *field = jwt ? "header:authorization" : source;
  return NULL;
}

const char *policy_describe(portolan_json config, portolan_manifest *manifest) {
  const char *field, *wrong = read(config, &field);
  if (wrong == NULL) portolan_want(manifest, field);
  return wrong;
}

const char *policy_init(portolan_json config, const portolan_regions *regions) {
  (void)regions;
  const char *field;
  return read(config, &field);
}

void policy_route(const portolan_request *request, portolan_verdict *verdict) {
  portolan_bytes key = portolan_field_at(request, 0);
  if (key.at != NULL && settings.claim != NULL) key = claim_of(key, settings.claim);
  if (key.at == NULL) return;
  uint32_t *order = malloc(request->candidate_count * sizeof *order);
  size_t count = places_of(key, request->candidates, request->candidate_count, settings.load, order);
  if (count == 0) return;
  portolan_route_to(verdict, order, count);
  /* A pin that agrees keeps its endpoint; any other follows the tenant. */
  const portolan_pin *pin = request->pin;
  bool agrees = pin != NULL && pin->is_configured && pin->region == order[0];
  if (!agrees) portolan_bind(verdict, pin != NULL ? pin->payload : portolan_text(""), 0);
}
