;; The filter in WebAssembly for Envoy (proxy-wasm 0.2.1): reads `x-country`, adds `x-region`, as the one in Lua does.
(module
  (import "env" "proxy_get_header_map_value"
    (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value"
    (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "x-country")
  (data (i32.const 32) "x-region")
  (data (i32.const 48) "eu")
  (data (i32.const 64) "us")
  (func (export "proxy_abi_version_0_2_1"))
  ;; The host allocates for one value at a time; what it wrote is read before the next.
  (func (export "malloc") (param i32) (result i32)
    (select (i32.const 4096) (i32.const 0) (i32.le_u (local.get 0) (i32.const 65536))))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (local $country i32) (local $region i32)
    (local.set $region (i32.const 64))
    (if (i32.eqz (call $get (i32.const 0) (i32.const 16) (i32.const 9) (i32.const 0) (i32.const 4)))
      (then
        (if (i32.eq (i32.load (i32.const 4)) (i32.const 2))
          (then
            (local.set $country (i32.load16_u (i32.load (i32.const 0))))
            (if (i32.or
                  (i32.eq (local.get $country) (i32.const 0x4544))      ;; DE
                  (i32.or
                    (i32.eq (local.get $country) (i32.const 0x5246))    ;; FR
                    (i32.eq (local.get $country) (i32.const 0x5449))))  ;; IT
              (then (local.set $region (i32.const 48))))))))
    (drop (call $add (i32.const 0) (i32.const 32) (i32.const 8) (local.get $region) (i32.const 2)))
    (i32.const 0))
)
