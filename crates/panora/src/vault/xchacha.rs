//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2): HChaCha20 makes a key of the long nonce's first 16 bytes, the
//! rest is the nonce of ChaCha20-Poly1305 (RFC 8439). Its nonces are long enough to be drawn at random.

use chacha20::{R20, hchacha};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretBox};

pub const NONCE: usize = 24;
pub const TAG: usize = 16;
/// How many bytes of the nonce make the key.
const FIRST: usize = 16;

pub struct XChaCha(SecretBox<[u8; 32]>);

impl XChaCha {
    pub fn new(key: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(key)))
    }

    /// Encrypts `text` in its place; the tag, which also covers `with`.
    ///
    /// # Panics
    /// For a text of 256 GiB or more.
    pub fn seal(&self, nonce: [u8; NONCE], with: &[u8], text: &mut [u8]) -> [u8; TAG] {
        let (key, nonce) = self.derived(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(with), text);
        let tag = tag.expect("fewer than 2^38 bytes");
        let mut bytes = [0; TAG];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Decrypts a text that its tag follows; none if any of it, or `with`, is not what was sealed.
    pub fn open(&self, nonce: [u8; NONCE], with: &[u8], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let (key, nonce) = self.derived(nonce);
        let length = key.open_in_place(nonce, Aad::from(with), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }

    /// The key and the short nonce of one text.
    fn derived(&self, nonce: [u8; NONCE]) -> (LessSafeKey, Nonce) {
        let (mut first, mut short) = ([0; FIRST], [0; 12]);
        first.copy_from_slice(&nonce[..FIRST]);
        short[4..].copy_from_slice(&nonce[FIRST..]);
        let key = hchacha::<R20>(self.0.expose_secret().into(), &first.into());
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("32 bytes");
        (LessSafeKey::new(key), Nonce::assume_unique_for_key(short))
    }
}

#[cfg(test)]
mod tests {
    use chacha20poly1305::aead::{Aead, KeyInit, Payload};
    use chacha20poly1305::{XChaCha20Poly1305, XNonce};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn others_who_know_the_algorithm_seal_the_same_and_open_it(
            key: [u8; 32],
            nonce: [u8; NONCE],
            with in proptest::collection::vec(any::<u8>(), 0..80),
            plain in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let (ours, theirs) = (XChaCha::new(key), XChaCha20Poly1305::new(&key.into()));
            let mut sealed = plain.clone();
            let tag = ours.seal(nonce, &with, &mut sealed);
            sealed.extend_from_slice(&tag);
            let payload = Payload { msg: &plain, aad: &with };
            prop_assert_eq!(&theirs.encrypt(&XNonce::from(nonce), payload).unwrap(), &sealed);
            prop_assert_eq!(ours.open(nonce, &with, sealed), Some(plain));
        }

        #[test]
        fn what_was_changed_or_cut_does_not_open(
            plain in proptest::collection::vec(any::<u8>(), 0..40),
            at: proptest::sample::Index,
            bit in 0..8_u8,
        ) {
            let cipher = XChaCha::new([7; 32]);
            let mut sealed = plain;
            let tag = cipher.seal([9; NONCE], b"row", &mut sealed);
            sealed.extend_from_slice(&tag);
            prop_assert_eq!(cipher.open([9; NONCE], b"other", sealed.clone()), None);
            let at = at.index(sealed.len());
            prop_assert_eq!(cipher.open([9; NONCE], b"row", sealed[..at].to_vec()), None);
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(cipher.open([9; NONCE], b"row", sealed), None);
        }
    }

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    #[test]
    fn the_example_of_the_draft_holds() {
        let key = std::array::from_fn(|index| 0x80 + u8::try_from(index).unwrap());
        let nonce = std::array::from_fn(|index| 0x40 + u8::try_from(index).unwrap());
        let with = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let mut text = *b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let tag = XChaCha::new(key).seal(nonce, &with, &mut text);
        assert_eq!(hex::encode(tag), "c0875924c1c7987947deafd8780acf49");
        assert_eq!(hex::encode(&text[..16]), "bd6d179d3e83d43b9576579493c0e939");
    }
}
