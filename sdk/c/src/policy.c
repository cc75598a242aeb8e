/* The hook `lifecycle`: reads the configuration, keeps the regions and the declared fields, calls the author's functions. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* What the instance was made with; 0 before policy_init. */
static portolan_regions regions;
static portolan_names declared, declared_of_answer;

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

static portolan_names names(const policy_list_string_t *fields) {
  portolan_bytes *names = calloc(fields->len, sizeof *names);
  for (size_t place = 0; place < fields->len; place++) names[place] = of_string(fields->ptr[place]);
  return (portolan_names){names, fields->len};
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
    declared = names(&manifest.fields);
    declared_of_answer = names(&manifest.response_fields);
    words = policy_init(table, &regions);
  }
  portolan_memory_keep();
  portolan_memory_answered();
  return refused(words, error);
}

static policy_string_t to_string(const char *text) { return (policy_string_t){(uint8_t *)text, strlen(text)}; }

static void append(policy_list_string_t *list, const char *text) {
  list->ptr = realloc(list->ptr, (list->len + 1) * sizeof *list->ptr);
  list->ptr[list->len++] = to_string(text);
}

void portolan_want(portolan_manifest *manifest, const char *field) { append(&manifest->fields, field); }

void portolan_want_lookup(portolan_manifest *manifest, const char *field) {
  append(&manifest->fields, portolan_words(PORTOLAN_LAZY, field, (const char *)NULL));
}

void portolan_want_of_answer(portolan_manifest *manifest, const char *field) { append(&manifest->response_fields, field); }

void portolan_bucket(portolan_manifest *manifest, const char *name) { append(&manifest->buckets, name); }

static void metric(portolan_manifest *manifest, const char *name, const char *kind, const char *const *labels) {
  exports_portolan_policy_lifecycle_metric_t metric = {to_string(name), to_string(kind), {0}};
  for (; labels != NULL && *labels != NULL; labels++) append(&metric.labels, *labels);
  exports_portolan_policy_lifecycle_list_metric_t *metrics = &manifest->metrics;
  metrics->ptr = realloc(metrics->ptr, (metrics->len + 1) * sizeof *metrics->ptr);
  metrics->ptr[metrics->len++] = metric;
}

void portolan_counter(portolan_manifest *manifest, const char *name, const char *const *labels) {
  metric(manifest, name, "counter", labels);
}

void portolan_gauge(portolan_manifest *manifest, const char *name, const char *const *labels) {
  metric(manifest, name, "gauge", labels);
}

void portolan_histogram(portolan_manifest *manifest, const char *name, const char *const *labels) {
  metric(manifest, name, "histogram", labels);
}

portolan_names portolan_declared(void) { return declared; }

portolan_names portolan_declared_of_answer(void) { return declared_of_answer; }

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
