/* The hook `lifecycle`: reads the configuration, keeps the regions and the declared fields, calls the author's functions. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* What the instance was made with; 0 before policy_init. */
static portolan_regions regions;
static const portolan_bytes *declared;
static size_t declared_count;

static portolan_bytes of_string(policy_string_t text) { return (portolan_bytes){text.ptr, text.len}; }

/* No bytes, or `null`, are an empty table. */
static portolan_json read(portolan_bytes config) {
  portolan_json json = portolan_json_read(config);
  bool empty = config.length == 0 || json.kind == PORTOLAN_JSON_NULL;
  return empty ? portolan_json_read(portolan_text("{}")) : json;
}

static const char *describe(portolan_json config, portolan_manifest *manifest) {
  *manifest = (portolan_manifest){0};
  if (config.kind != PORTOLAN_JSON_OBJECT) return "config: it is no table";
  return policy_describe(config, manifest);
}

/* Hands an author's error over. */
static bool refused(const char *words, policy_string_t *error) {
  if (words != NULL) *error = (policy_string_t){(uint8_t *)words, strlen(words)};
  return words == NULL;
}

bool exports_portolan_policy_lifecycle_describe(exports_portolan_policy_lifecycle_octets_t *config,
                                                portolan_manifest *manifest, policy_string_t *error) {
  const char *words = describe(read((portolan_bytes){config->ptr, config->len}), manifest);
  portolan_memory_answered();
  return refused(words, error);
}

bool exports_portolan_policy_lifecycle_init(exports_portolan_policy_lifecycle_octets_t *config,
                                            exports_portolan_policy_lifecycle_list_region_info_t *infos,
                                            policy_string_t *error) {
  portolan_region *known = calloc(infos->len, sizeof *known);
  for (size_t place = 0; place < infos->len; place++) {
    const exports_portolan_policy_lifecycle_region_info_t *info = &infos->ptr[place];
    known[place] = (portolan_region){info->id,          of_string(info->service), of_string(info->name), info->location,
                                     info->capacity,    info->labels.ptr,         info->labels.len};
  }
  regions = (portolan_regions){known, infos->len};
  portolan_json table = read((portolan_bytes){config->ptr, config->len});
  portolan_manifest manifest;
  const char *words = describe(table, &manifest);
  if (words == NULL) {
    declared_count = manifest.fields.len;
    portolan_bytes *names = calloc(declared_count, sizeof *names);
    for (size_t place = 0; place < declared_count; place++) names[place] = of_string(manifest.fields.ptr[place]);
    declared = names;
    words = policy_init(table, &regions);
  }
  portolan_memory_keep();
  portolan_memory_answered();
  return refused(words, error);
}

void portolan_want(portolan_manifest *manifest, const char *field) {
  policy_list_string_t *fields = &manifest->fields;
  fields->ptr = realloc(fields->ptr, (fields->len + 1) * sizeof *fields->ptr);
  fields->ptr[fields->len++] = (policy_string_t){(uint8_t *)field, strlen(field)};
}

const portolan_bytes *portolan_declared(size_t *count) {
  *count = declared_count;
  return declared;
}

const portolan_region *portolan_region_of(uint32_t id) {
  /* Numbers are dense in practice; the search is for a router that leaves gaps. */
  if (id < regions.count && regions.at[id].id == id) return &regions.at[id];
  for (size_t place = 0; place < regions.count; place++) {
    if (regions.at[place].id == id) return &regions.at[place];
  }
  return NULL;
}

portolan_bytes portolan_label(const portolan_region *region, const char *key) {
  for (size_t place = 0; region != NULL && place < region->label_count; place++) {
    if (portolan_equals(of_string(region->labels[place].f0), key)) return of_string(region->labels[place].f1);
  }
  return (portolan_bytes){0};
}

#ifdef PORTOLAN_IMPORTS_TELEMETRY
void portolan_log(portolan_level level, const char *message) {
  policy_string_t text = {(uint8_t *)message, strlen(message)};
  portolan_policy_telemetry_log((portolan_policy_telemetry_level_t)level, &text);
}
#endif
