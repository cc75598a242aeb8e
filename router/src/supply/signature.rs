//! Who made a component: ed25519 over its digest (RFC 8032), checked offline.
//!
//! Owns what is signed, the text `sha256:` and 64 hex digits without a line break, and where a signature may be: in the
//! configuration, in a file with `.sig` after the component's name, in an annotation of a manifest. Makes none: any ed25519 tool
//! does, such as openssl.

use super::Digest;
use super::error::SupplyError;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Annotation of a manifest that holds a signature in base64.
pub(super) const ANNOTATION: &str = "portolan.signature";
/// Largest file with a signature, bytes.
pub(super) const FILE_MAX: u64 = 4096;

/// A signature.
pub(super) type Signature = [u8; 64];

/// A signature as it stands in a file or an annotation: 64 bytes, or base64 of them.
pub(super) fn read(bytes: &[u8]) -> Option<Signature> {
    if let Ok(raw) = bytes.try_into() {
        return Some(raw);
    }
    STANDARD.decode(bytes.trim_ascii()).ok()?.try_into().ok()
}

/// Accepts what one of the keys has signed.
pub(super) fn verify(digest: Digest, signature: &Signature, keys: &[[u8; 32]]) -> Result<(), SupplyError> {
    let message = digest.to_string();
    let signed_by =
        |key: &[u8; 32]| UnparsedPublicKey::new(&ED25519, key).verify(message.as_bytes(), signature).is_ok();
    if keys.iter().any(signed_by) { Ok(()) } else { Err(SupplyError::WrongSignature { digest, keys: keys.len() }) }
}
