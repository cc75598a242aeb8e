//! Whether a file's name carries a hash of its content, as bundlers write it.
//! Owns: the guess, in two strengths. A name that is wrongly taken for hashed pins a stale file for a year; one that is wrongly
//! taken for plain costs a 304. So what could be words is not a hash. Never: looks into the file.
//! Called by: `kind`. Pure.

/// The letters that follow each letter, from `a` on, within words of several languages and of the trade: the pairs that make up
/// at least one of 5000 in names of packages. Of all pairs, three in five.
const FOLLOWS: [&str; 26] = [
    "abcdefghiklmnoprstuvwxyz",
    "abcegilmoprstuy",
    "acdehiklmoprstuy",
    "abcdefghijklmnoprstuvwy",
    "abcdefghijklmnopqrstuvwxyz",
    "aefilorstuy",
    "aeghilmnoprsuy",
    "aeilmorstuy",
    "abcdefgklmnopqrstuvxz",
    "aeiosu",
    "adeilnorstuy",
    "abcdefgiklmopstuvy",
    "abcdeilmnopsuy",
    "abcdefghijklmnoprstuvy",
    "abcdefghijklmnoprstuvwxy",
    "acdehiklmoprstuy",
    "lu",
    "abcdefgiklmnoprstuvwy",
    "abcdefghiklmnopqstuwy",
    "abcdefghilmnoprstuwy",
    "abcdefgilmnprstx",
    "aeiou",
    "aehinors",
    "aceimopt",
    "abcdeilmnoprstu",
    "aeioz",
];

/// Whether a name carries a hash beyond reasonable doubt, before one of its dots (`main.1a2b3c4d.css.map`): hexadecimal digits, or
/// eight characters of base64url or base32 that are no words.
pub(super) fn carries(name: &str) -> bool {
    name.match_indices('.').any(|(dot, _)| ends_in_hex(&name[..dot]) || ends_in_eight(&name[..dot]))
}

/// Whether it may carry one, words or not. Enough to keep a file a little longer.
pub(super) fn may_carry(name: &str) -> bool {
    let looks_so = |stem: &str| {
        eighth_last(stem).is_some_and(|hash| {
            let has = |class: fn(&u8) -> bool| hash.bytes().any(|byte| class(&byte));
            let has_capital = hash.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
            has_capital || has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit)
        })
    };
    carries(name) || name.match_indices('.').any(|(dot, _)| looks_so(&name[..dot]))
}

/// Webpack's, Parcel's, Next.js' and others' hashes, behind a name. Next.js has 16 digits without a name too, and a mark of fonts
/// behind them (`4473ecc91f70f139-s.p.woff2`).
fn ends_in_hex(stem: &str) -> bool {
    let unmarked = stem.strip_suffix("-s").unwrap_or(stem);
    if unmarked.len() == 16 && is_hex_hash(unmarked) {
        return true;
    }
    let Some((before, digits)) = stem.rsplit_once(['-', '.']) else { return false };
    let is_length = (8..=64).contains(&digits.len());
    // 24 are an id of MongoDB, 12 behind four and a dash the end of a UUID: names of things, which may change.
    let is_four = before.rsplit('-').next().is_some_and(|word| word.len() == 4 && is_hex(word));
    let is_id = digits.len() == 24 || digits.len() == 12 && is_four;
    !before.is_empty() && is_length && !is_id && is_hex_hash(digits)
}

/// Digits and letters by turns: not a number, a word, `c1234567`, `2024face` or `01dec2024`.
fn is_hex_hash(text: &str) -> bool {
    let turns = text.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let is_month = ["dec", "feb"].contains(&text.trim_matches(|c: char| c.is_ascii_digit()));
    is_hex(text) && turns >= 2 && !is_month
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Vite's and Rollup's (base64url) and esbuild's (base32) hashes.
fn ends_in_eight(stem: &str) -> bool {
    eighth_last(stem).is_some_and(|hash| {
        let has = |class: fn(&u8) -> bool| hash.bytes().any(|byte| class(&byte));
        let is_base32 = hash.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
        let is_base64 = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
        (is_base32 || is_base64) && !is_ordinary(hash)
    })
}

/// The last eight characters of base64url, behind a name and `-` or `.`.
fn eighth_last(stem: &str) -> Option<&str> {
    let (before, hash) = stem.split_at_checked(stem.len().checked_sub(8)?)?;
    let alphabet = hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (alphabet && before.len() > 1 && before.ends_with(['-', '.'])).then_some(hash)
}

/// Whether people write so: `SemiBold`, `1200x630`, `small-2x`, `version2`, `IMG_1234`. Between dashes up to three pieces, no more
/// than one of them short.
fn is_ordinary(text: &str) -> bool {
    text.split(['-', '_']).all(|part| {
        let pieces = pieces(part);
        let words = pieces.iter().filter(|piece| !piece.starts_with(|c: char| c.is_ascii_digit()));
        let odd: Vec<_> = words.filter(|piece| !is_word(piece)).collect();
        pieces.len() <= 3 && odd.len() <= 1 && odd.iter().all(|piece| is_short(piece))
    })
}

/// Numbers, and words as `SemiBold2`, `HTMLPage` and `v2` are read.
fn pieces(part: &str) -> Vec<&str> {
    let bytes = part.as_bytes();
    let begins = |at: &usize| {
        let (before, this) = (bytes[at - 1], bytes[*at]);
        let is_capital = before.is_ascii_lowercase() || bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        before.is_ascii_digit() != this.is_ascii_digit() || this.is_ascii_uppercase() && is_capital
    };
    let ends: Vec<_> = (1..part.len()).filter(begins).chain([part.len()]).collect();
    let starts = [0].into_iter().chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, end)| &part[start..*end]).collect()
}

/// A unit, an initial, an acronym.
fn is_short(piece: &str) -> bool {
    piece.len() <= 2 || piece.len() <= 4 && piece.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether letters could be a word of some language: with a vowel, and pairs as words have them. Two words in one (`BLOWFISH`) have
/// a seam.
fn is_word(piece: &str) -> bool {
    let word = piece.to_ascii_lowercase();
    let follows = |pair: &[u8]| FOLLOWS[usize::from(pair[0] - b'a')].as_bytes().contains(&pair[1]);
    let seams = word.as_bytes().windows(2).filter(|pair| !follows(pair)).count();
    piece.len() >= 3 && word.contains(['a', 'e', 'i', 'o', 'u', 'y']) && seams <= usize::from(piece.len() > 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that builds printed in public, by the tool, and those among them that the guess does not see.
    const HASHED: [(&str, &str, &[&str]); 5] = [
        (
            "Vite, Rollup",
            "index-DiwrgTda.js index-BxY1_-3a.css Pair-tQZXtc9v.css Device-CT6D6U-f.css DangerZone-zhCzMBiv.css NewTask-OZrYd6XF.css \
             ProjectPicker-CSizLlvu.css Review-BMffOhLO.css Landing-DtVlV_J2.css AppHeader-DrNtsi5Q.css index-Co5RB00a.css \
             Settings-Cz8X593r.css Home-KeWXtvrE.css Admin-D4MQFDx0.css Thread-CGMLr2Ln.css legacy-CiOctGuC.js \
             geist-mono-symbols2-wght-normal-CO5SzqOn.woff2 geist-mono-cyrillic-ext-wght-normal-X_5orZeX.woff2 \
             geist-cyrillic-ext-wght-normal-DjL33-gN.woff2 geist-mono-vietnamese-wght-normal-DadHysG0.woff2 \
             geist-vietnamese-wght-normal-6IgcOCM7.woff2 geist-mono-cyrillic-wght-normal-DiZS0aHC.woff2 \
             geist-mono-latin-ext-wght-normal-Bwz-egvJ.woff2 geist-cyrillic-wght-normal-BEAKL7Jp.woff2 \
             geist-latin-ext-wght-normal-DC-KSUi6.woff2 geist-mono-latin-wght-normal-XN7g48iV.woff2 \
             geist-latin-wght-normal-BgDaEnEv.woff2 selection-CNq0kV96.css SessionsPage-Dyc2erDS.css \
             ContainerTerminalPanel-CA1_r1UQ.css index-Drvnh_Yv.css Noto_Sans_JP-100_900-42.DLuEM54N.woff2 \
             Noto_Sans_JP-100_900-32.ExBcCLFr.woff2 Noto_Sans_JP-100_900-47.CGx0gSHx.woff2 Noto_Sans_JP-100_900-17.DHFiCEWf.woff2 \
             Noto_Sans_JP-100_900-34.BnVZleiC.woff2 Noto_Sans_JP-100_900-41.yZHa4UTh.woff2 Noto_Sans_JP-100_900-24.BKoThomf.woff2 \
             Noto_Sans_JP-100_900-51.CQShppA0.woff2 Noto_Sans_JP-100_900-48.B-26crnv.woff2 Noto_Sans_JP-100_900-36.B2librmO.woff2 \
             Noto_Sans_JP-100_900-22.DM4N9eKV.woff2 nunito-vietnamese-700-normal-Ch8EUCfz.woff2 \
             nunito-vietnamese-400-normal-BHkVbP3T.woff2 nunito-vietnamese-600-normal-BY8O6Cug.woff2 \
             nunito-vietnamese-400-italic-B2PI3A8Y.woff2 nunito-vietnamese-700-normal-C9SQsXvj.woff \
             nunito-vietnamese-400-normal-DtOtW02z.woff nunito-vietnamese-600-normal-DO1RqFw5.woff \
             nunito-cyrillic-400-normal-xAOo5cBP.woff2 Claude-BSlpJmEk.js index-Ca5Toeqw.css index-cIKaMc-a.js index-9If5gVqD.css \
             StatsScreen-C4ynmZaD.js HistoryScreen-BEHXFy7s.js AIScreen-8q_h0jzq.js SettingsScreen-D2K-BUnd.js index-C-mDGGls.js \
             vendor-CTxBTlYE.js index-DpLXM2uR.js index-BSZluYzC.js index-BhoGQRaA.js index-BUuz4O5f.js",
            &[
                "ProjectPicker-CSizLlvu.css",
                "geist-cyrillic-wght-normal-BEAKL7Jp.woff2",
                "nunito-vietnamese-400-italic-B2PI3A8Y.woff2",
                "AIScreen-8q_h0jzq.js",
            ],
        ),
        (
            "esbuild, Angular",
            "chunk-AOGI3VZL.js chunk-J47SHVCY.js chunk-OURP4XV6.js chunk-AQQUMGC3.js chunk-XFZYOI43.js chunk-QJEUDAUI.js \
             servoydesigner.module-P6ORJIPI.js lib-6YH67MBL.js servoy.module-VG3PFEUB.js lib-PJWNJSOV.js lib-N2JFDYMB.js \
             chunk-LEKTZCTL.js chunk-HQT7VTID.js styles-4GQAP6DM.css chunk-WET2A5FQ.js chunk-DAH5P5NQ.js chunk-L4ZLBJ5W.js \
             polyfills-BIJJPXW7.js main-64BGOEV6.js chunk-BJUFSC4D.js chunk-XPGWH6GT.js chunk-2N774TWP.js chunk-JQNSTRPM.js \
             chunk-ZZ4AMYX2.js",
            &[
                "chunk-AOGI3VZL.js",
                "chunk-QJEUDAUI.js",
                "servoydesigner.module-P6ORJIPI.js",
                "main-64BGOEV6.js",
                "chunk-BJUFSC4D.js",
            ],
        ),
        (
            "webpack, Parcel, earlier Vite: 8 digits",
            "editor.worker.b9d8707e.js json.worker.a1c2d8cf.js html.worker.e7c7cd44.js css.worker.c8c9b503.js ts.worker.576d5863.js \
             chunk-2d0c4ab4.31a14ff4.js chunk-3d33437a.5b699c2a.js chunk-db0c7092.b30fbb0a.js chunk-7ac5211a.628f1f2f.js \
             chunk-3afa9eae.e65d578b.js chunk-2d0b728b.07e918d0.js chunk-5d840c3f.edc1718f.js chunk-6edce3bc.e075916b.js \
             chunk-0bfab3bc.775edc5d.js chunk-2d0d0214.413bd555.js chunk-7467d93b.922f1237.js chunk-772249b9.ad941284.js \
             index.5d27a97f.css chunk-vendors.1a8519f8.css chunk-4f1b2290.548137f2.css chunk-392a0f68.d6cce490.css \
             main.1a2b3c4d.chunk.js index.5d27a97f.css.map searcher-c2a407aa.js general-2459343d.css normalize-9960930a.css",
            &["general-2459343d.css", "normalize-9960930a.css"],
        ),
        (
            "Next.js, webpack: 16 digits and more",
            "9188-cbbec32407303a76.js 9f96d65d-7b812644c8c0f1f1.js ed150ef9.ec0fa51ac82b6bd3.js framework-4ed89e9640adfb9e.js \
             main-75a41b17c9b01e3f.js _error-d7faa34a8a9ea44c.js polyfills-42372ed130431b0a.js main-app-26f5a19423862029.js \
             page-d1916c0b16ebe328.js fd770f0d86163c29.css 1e9446437c52d5aa.css 4473ecc91f70f139-s.p.woff 404-8d282ae638ce5722.js \
             runtime.a9fc7548b14f6ea7.js polyfills.45732861e6a6851d.js 72a30a16.feed22892a5cf9b7.js \
             logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
            &[],
        ),
        (
            "no word for them",
            "DiwrgTda.js start-k3d9x0za.js chunk-ABCDEFGHIJ.js",
            &["DiwrgTda.js", "start-k3d9x0za.js", "chunk-ABCDEFGHIJ.js"],
        ),
    ];

    /// Names of files that people named, and those among them that are taken for hashed.
    const PLAIN: (&str, &[&str]) = (
        "Inter-SemiBold.woff2 Inter-Black.ttf Inter-ExtraBold.woff2 Inter-ExtraLightItalic.woff2 Roboto-DemiBold.woff2 \
         SourceSans3-SemiBoldIt.woff2 NotoSansJP-VariableFont_wght.ttf OpenSans-CondLight.woff geist-latin-wght-normal.woff2 \
         og-1200x630.png photo-1024x768.jpg hero-1920x1080.webp banner-a-728x90.gif icon-512x512.png apple-touch-icon-180x180.png \
         logo-small-2x.png icon-Large-3x.png report-version2.pdf report-Version2.pdf report-2024-Q3.pdf report-Q3Report.pdf \
         my-document.pdf my-Document.pdf LISEZ-MOIAUSSI.txt scan-IMG_1234.jpg scan-DSC00042.jpg photo-20240131.jpg \
         minutes-01dec2024.pdf minutes-1dec2024.pdf photo-PXL_2023.jpg iphone-iPhone15.png site-HTMLPage.svg press-DarkMode.png \
         press-LinkedIn.svg press-WhatsApp.svg press-McDonald.svg docs-fr-FR-v2.pdf docs-pt-BR-2x.png lib-v1-2-3-4.js \
         jquery-3.7.1.min.js sample-hebrew-3.txt order-c1234567.pdf cafe-2024face.jpg \
         photo-550e8400-e29b-41d4-a716-44665544000a.jpg avatar-507f1f77bcf86cd799439011.png product-100200300.jpg \
         OGDL-Taiwan-1.0 EVP_CIPHER-BLOWFISH.7ssl.gz javax.inject-1.pom libwinapi_vfw32-avifil32.a infinispan-common-9.4.57.v20241219.jar \
         wasmtime-internal-cache-48.0.8.crate confusing-line-comment8.txt app.js robots.txt site.webmanifest index-DiwrgTda \
         HiFi-LongName.conf tegra-hda-HiFi.conf Audient-iD4-0009.conf",
        &["tegra-hda-HiFi.conf", "Audient-iD4-0009.conf"],
    );

    fn missed(names: &str, guess: fn(&str) -> bool, expected: bool) -> Vec<&str> {
        names.split_whitespace().filter(|name| guess(name) != expected).collect()
    }

    #[test]
    fn real_names() {
        for (tool, names, unseen) in HASHED {
            assert_eq!(missed(names, carries, true), unseen, "{tool}");
        }
        assert_eq!(missed(PLAIN.0, carries, false), PLAIN.1);
    }

    #[test]
    fn what_may_be_a_hash_is_kept() {
        for (tool, names, _) in &HASHED[..4] {
            assert_eq!(missed(names, may_carry, true), Vec::<&str>::new(), "{tool}");
        }
        assert!(!may_carry("my-document.pdf") && !may_carry("photo-20240131.jpg"));
    }

    #[test]
    fn how_words_are_told_apart() {
        for (text, expected) in [
            ("SemiBold2", &["Semi", "Bold", "2"][..]),
            ("HTMLPage", &["HTML", "Page"]),
            ("1200x630", &["1200", "x", "630"]),
            ("iPhone15", &["i", "Phone", "15"]),
            ("ABC", &["ABC"]),
            ("", &[""]),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }
}
