//! The matrix of certificates: each is accepted, or refused with its exact kind.

use std::sync::Arc;

use httpool::error::TlsKind;
use httpool_tls::{Detail, TlsOptions};
use httpool_tls_testing::{
    certificates::{Authority, Issued, pem, self_signed},
    server::{BOTH, ONLY_1_2, ONLY_1_3, config},
};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    NameConstraints, PKCS_ECDSA_P521_SHA512, PKCS_ED25519, RsaKeySize, date_time_ymd,
};

use crate::{details, meets};

fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions::new().ca_cert_data(authority.pem())
}

/// Returns the result with a server of each version, which must be the same.
#[track_caller]
fn kind(options: &TlsOptions, issued: &Issued, name: &str) -> Result<(), TlsKind> {
    let [one, two] = [ONLY_1_2, ONLY_1_3].map(|versions| {
        let server = Arc::new(config(issued, versions));
        meets(options, &server, name).map(|_| ()).map_err(|why| why.kind())
    });
    assert_eq!(one, two, "TLS 1.2 and 1.3 differ");
    one
}

#[track_caller]
fn says(options: &TlsOptions, issued: &Issued, name: &str) -> String {
    let why = meets(options, &Arc::new(config(issued, BOTH)), name).unwrap_err();
    details(&why).to_string()
}

#[test]
fn a_good_certificate_is_accepted_and_reported() {
    let root = Authority::new("root");
    let issued = root.issue(&["a.test"]);
    let options = trusting(&root);
    let best = if cfg!(feature = "aws-lc-rs") { "X25519MLKEM768" } else { "X25519" };
    for (versions, version, group) in [(ONLY_1_2, "TLSv1.2", "X25519"), (ONLY_1_3, "TLSv1.3", best)]
    {
        let session = meets(&options, &Arc::new(config(&issued, versions)), "a.test").unwrap();
        assert_eq!(session.version, version);
        assert!(session.cipher_suite.contains("AES") || session.cipher_suite.contains("CHACHA"));
        assert_eq!(session.group, Some(group));
        assert!(session.verified && !session.resumed);
        assert_eq!(session.alpn, None);
        assert_eq!(session.peer_certificates, [issued.chain[0].to_vec()]);
    }
}

#[test]
fn a_certificate_out_of_its_time_is_refused_with_both_times() {
    let root = Authority::new("root");
    let options = trusting(&root);
    let expired = root.issue_with(&["a.test"], |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 3, 4);
    });
    assert_eq!(kind(&options, &expired, "a.test"), Err(TlsKind::Expired));
    let said = says(&options, &expired, "a.test");
    assert!(said.contains("2002-03-04 00:00:00 UTC") && said.contains("clock shows 20"), "{said}");
    let early =
        root.issue_with(&["a.test"], |params| params.not_before = date_time_ymd(2999, 1, 1));
    assert_eq!(kind(&options, &early, "a.test"), Err(TlsKind::NotYetValid));
    assert!(says(&options, &early, "a.test").contains("2999-01-01"));
    let old = root.intermediate("old", |params| params.not_after = date_time_ymd(2002, 3, 4));
    let below = old.issue(&["a.test"]).with(&old);
    assert_eq!(kind(&options, &below, "a.test"), Err(TlsKind::Expired));
}

#[test]
fn a_wrong_name_is_refused_with_the_names_of_the_certificate() {
    let root = Authority::new("root");
    let options = trusting(&root);
    let issued = root.issue(&["a.test", "*.b.test", "192.0.2.7"]);
    assert_eq!(kind(&options, &issued, "c.test"), Err(TlsKind::Name));
    let why = meets(&options, &Arc::new(config(&issued, BOTH)), "c.test").unwrap_err();
    let Detail::Name { expected, presented } = details(&why).detail() else { panic!("{why:?}") };
    assert_eq!(expected, "c.test");
    assert_eq!(presented[..2], ["a.test", "*.b.test"]);
    assert!(presented[2].contains("192.0.2.7"), "{presented:?}");
    // The common name never counts.
    let bare = root.issue(&[]);
    assert!(says(&options, &bare, "a.test").contains("no subject alternative name"));
    assert_eq!(
        kind(&options, &bare, "a certificate for tests".split(' ').next().unwrap()),
        Err(TlsKind::Name)
    );
}

#[test]
fn a_wildcard_stands_for_one_whole_label() {
    let root = Authority::new("root");
    let options = trusting(&root);
    let issued = root.issue(&["*.b.test"]);
    assert_eq!(kind(&options, &issued, "a.b.test"), Ok(()));
    assert_eq!(kind(&options, &issued, "A.B.test."), Ok(()));
    for wrong in ["b.test", "x.a.b.test", "xb.test"] {
        assert_eq!(kind(&options, &issued, wrong), Err(TlsKind::Name), "{wrong}");
    }
    // Neither of a whole domain, nor of a part of a label, nor twice.
    for (wrong, name) in [
        ("*", "test"),
        ("a*.b.test", "ab.b.test"),
        ("*.*.test", "a.b.test"),
        ("a.*.test", "a.b.test"),
    ] {
        let issued = root.issue(&[wrong]);
        let refused = kind(&options, &issued, name).unwrap_err();
        assert!(matches!(refused, TlsKind::Name | TlsKind::Chain), "{wrong}: {refused:?}");
    }
}

#[test]
fn an_address_is_checked_against_the_addresses() {
    let root = Authority::new("root");
    let options = trusting(&root);
    let issued = root.issue(&["127.0.0.1", "::1", "a.test"]);
    for good in ["127.0.0.1", "::1", "[::1]", "0:0:0:0:0:0:0:1"] {
        assert_eq!(kind(&options, &issued, good), Ok(()), "{good}");
    }
    for wrong in ["127.0.0.2", "::2", "[::ffff:127.0.0.1]"] {
        assert_eq!(kind(&options, &issued, wrong), Err(TlsKind::Name), "{wrong}");
    }
    let named = root.issue(&["a.test"]);
    assert_eq!(kind(&options, &named, "127.0.0.1"), Err(TlsKind::Name));
}

#[test]
fn a_self_signed_certificate_is_trusted_exactly_if_it_is_listed() {
    let kinds = [IsCa::Ca(BasicConstraints::Unconstrained), IsCa::ExplicitNoCa, IsCa::NoCa];
    let root = Authority::new("root");
    for is_ca in kinds {
        let issued = self_signed(&["a.test"], |params| params.is_ca = is_ca);
        let listed = TlsOptions::new().ca_cert_data(&issued.chain[0]);
        assert_eq!(kind(&listed, &issued, "a.test"), Ok(()), "{is_ca:?}");
        assert_eq!(kind(&listed, &issued, "b.test"), Err(TlsKind::Name), "{is_ca:?}");
        assert_eq!(kind(&trusting(&root), &issued, "a.test"), Err(TlsKind::Issuer), "{is_ca:?}");
        let said = says(&trusting(&root), &issued, "a.test");
        assert!(said.contains("self-signed"), "{said}");
        // Its own dates and its own usage count.
        let expired = self_signed(&["a.test"], |params| {
            params.is_ca = is_ca;
            params.not_after = date_time_ymd(2002, 1, 1);
        });
        let listed = TlsOptions::new().ca_cert_data(&expired.chain[0]);
        assert_eq!(kind(&listed, &expired, "a.test"), Err(TlsKind::Expired), "{is_ca:?}");
        let for_clients = self_signed(&["a.test"], |params| {
            params.is_ca = is_ca;
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        });
        let listed = TlsOptions::new().ca_cert_data(&for_clients.chain[0]);
        assert_eq!(kind(&listed, &for_clients, "a.test"), Err(TlsKind::Purpose), "{is_ca:?}");
    }
}

#[test]
fn a_renewed_certificate_whose_old_version_is_listed_is_not_trusted() {
    for is_ca in [IsCa::Ca(BasicConstraints::Unconstrained), IsCa::ExplicitNoCa, IsCa::NoCa] {
        let version = || self_signed(&["a.test"], |params| params.is_ca = is_ca);
        let (old, new) = (version(), version());
        let listed = TlsOptions::new().ca_cert_data(&old.chain[0]);
        assert_eq!(kind(&listed, &new, "a.test"), Err(TlsKind::Issuer), "{is_ca:?}");
        let said = says(&listed, &new, "a.test");
        assert!(said.contains("of the same name has another key"), "{is_ca:?}: {said}");
        let both = listed.ca_cert_data(&new.chain[0]);
        assert_eq!(kind(&both, &new, "a.test"), Ok(()), "{is_ca:?}");
        assert_eq!(kind(&both, &old, "a.test"), Ok(()), "{is_ca:?}");
    }
}

#[test]
fn a_listed_certificate_trusts_itself_alone() {
    let root = Authority::new("root");
    let (one, other) = (root.issue(&["a.test"]), root.issue(&["a.test"]));
    let listed = TlsOptions::new().ca_cert_data(&one.chain[0]);
    assert_eq!(kind(&listed, &one, "a.test"), Ok(()));
    assert_eq!(kind(&listed, &other, "a.test"), Err(TlsKind::Issuer));
}

#[test]
fn an_unknown_authority_is_named() {
    let (root, other) = (Authority::new("root"), Authority::new("Company \u{1b}[31m CA"));
    let issued = other.issue(&["a.test"]);
    assert_eq!(kind(&trusting(&root), &issued, "a.test"), Err(TlsKind::Issuer));
    let said = says(&trusting(&root), &issued, "a.test");
    assert!(said.contains("Company [31m CA") && said.contains("no intermediate"), "{said}");
}

#[test]
fn intermediates_may_come_in_any_order_and_too_many() {
    let root = Authority::new("root");
    let options = trusting(&root);
    let one = root.intermediate("one", |_| {});
    let two = one.intermediate("two", |_| {});
    let odd = Authority::new("odd");
    assert_eq!(kind(&options, &two.issue(&["a.test"]).with(&two).with(&one), "a.test"), Ok(()));
    assert_eq!(kind(&options, &two.issue(&["a.test"]).with(&one).with(&two), "a.test"), Ok(()));
    let superfluous = two.issue(&["a.test"]).with(&odd).with(&one).with(&root).with(&two);
    assert_eq!(kind(&options, &superfluous, "a.test"), Ok(()));
    let missing = two.issue(&["a.test"]).with(&two);
    assert_eq!(kind(&options, &missing, "a.test"), Err(TlsKind::Issuer));
    assert!(says(&options, &missing, "a.test").contains("1 more certificate"));
    // An intermediate may be trusted itself.
    assert_eq!(kind(&trusting(&two), &two.issue(&["a.test"]), "a.test"), Ok(()));
}

#[test]
fn rules_of_authorities_are_kept() {
    let root = Authority::new("root");
    let options = trusting(&root);
    let refuses = |issued: &Issued, part: &str| {
        assert_eq!(kind(&options, issued, "a.test"), Err(TlsKind::Chain), "{part}");
        let said = says(&options, issued, "a.test");
        assert!(said.contains(part), "{said}");
    };
    let short = root.intermediate("short", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let below = short.intermediate("below", |_| {});
    refuses(&below.issue(&["a.test"]).with(&below).with(&short), "path length");
    assert_eq!(kind(&options, &short.issue(&["a.test"]).with(&short), "a.test"), Ok(()));
    let constrained = root.intermediate("constrained", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("b.test".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    refuses(&constrained.issue(&["a.test"]).with(&constrained), "name constraints");
    assert_eq!(
        kind(&options, &constrained.issue(&["b.test"]).with(&constrained), "b.test"),
        Ok(())
    );
    let no_authority = root.intermediate("none", |params| params.is_ca = IsCa::ExplicitNoCa);
    refuses(&no_authority.issue(&["a.test"]).with(&no_authority), "not one of an authority");
    let authority = root.issue_with(&["a.test"], |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    refuses(&authority, "CA:TRUE");
}

#[test]
fn a_certificate_for_clients_is_none_for_servers() {
    let root = Authority::new("root");
    let issued = root.issue_with(&["a.test"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(kind(&trusting(&root), &issued, "a.test"), Err(TlsKind::Purpose));
}

#[test]
fn keys_of_every_kind_are_accepted() {
    let root = Authority::new("root");
    let options = trusting(&root);
    for key in [
        KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(),
    ] {
        let issued = root.issue_key(&["a.test"], key);
        assert_eq!(kind(&options, &issued, "a.test"), Ok(()));
    }
}

#[test]
fn a_key_that_the_provider_does_not_know_leaves_nothing_in_common() {
    let root = Authority::new("root");
    let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
    let server = Arc::new(config(&root.issue_key(&["a.test"], key), ONLY_1_3));
    let result = meets(&trusting(&root), &server, "a.test").map(|_| ()).map_err(|why| why.kind());
    // The server's alert comes behind its hello.
    let known = cfg!(feature = "aws-lc-rs");
    assert_eq!(result, if known { Ok(()) } else { Err(TlsKind::Parameters) });
}

#[test]
fn the_name_to_check_can_be_another_or_none() {
    let root = Authority::new("root");
    let issued = root.issue(&["a.test", "192.0.2.1"]);
    let other = |name: &str| trusting(&root).assert_hostname(name);
    assert_eq!(kind(&other("A.test."), &issued, "b.test"), Ok(()));
    assert_eq!(kind(&other("192.0.2.1"), &issued, "b.test"), Ok(()));
    assert_eq!(kind(&other("c.test"), &issued, "a.test"), Err(TlsKind::Name));
    let any = trusting(&root).danger_accept_any_hostname();
    assert_eq!(kind(&any, &issued, "b.test"), Ok(()));
    // The chain counts still.
    let strange = Authority::new("strange").issue(&["a.test"]);
    assert_eq!(kind(&any, &strange, "a.test"), Err(TlsKind::Issuer));
    let asked = trusting(&root).server_hostname("a.test");
    assert_eq!(kind(&asked, &issued, "b.test"), Ok(()));
    assert_eq!(kind(&asked.assert_hostname("b.test"), &issued, "b.test"), Err(TlsKind::Name));
}

#[test]
fn a_fingerprint_takes_the_place_of_the_name_and_not_of_the_chain() {
    let root = Authority::new("root");
    let one = root.intermediate("one", |_| {});
    let issued = one.issue(&["a.test"]).with(&one);
    for digits in [sha256(&issued.chain[0]), sha1(&issued.chain[0])] {
        let pinned = trusting(&root).assert_fingerprint(&digits);
        assert_eq!(kind(&pinned, &issued, "a.test"), Ok(()));
        assert_eq!(kind(&pinned, &issued, "wrong.test"), Ok(()));
        let upper = digits.to_uppercase();
        assert_eq!(kind(&trusting(&root).assert_fingerprint(&upper), &issued, "a.test"), Ok(()));
        // Of an authority, or of another server.
        let other = one.issue(&["a.test"]).with(&one);
        assert_eq!(kind(&pinned, &other, "a.test"), Err(TlsKind::Pin));
        let said = says(&pinned, &other, "a.test");
        assert!(said.contains(&digits.replace(':', "")), "{said}");
        let strange = TlsOptions::new().ca_cert_data(Authority::new("strange").pem());
        assert_eq!(
            kind(&strange.assert_fingerprint(&digits), &issued, "a.test"),
            Err(TlsKind::Issuer)
        );
        let blind = TlsOptions::new().danger_accept_invalid_certificates();
        assert_eq!(kind(&blind.clone().assert_fingerprint(&digits), &issued, "b.test"), Ok(()));
        let refused = kind(&blind.assert_fingerprint(&digits), &other, "a.test");
        assert_eq!(refused, Err(TlsKind::Pin));
    }
    let of_authority = trusting(&root).assert_fingerprint(&sha256(&issued.chain[1]));
    assert_eq!(kind(&of_authority, &issued, "a.test"), Err(TlsKind::Pin));
}

#[test]
fn without_verification_everything_is_accepted_and_reported_as_unverified() {
    let expired = self_signed(&["a.test"], |params| params.not_after = date_time_ymd(2002, 1, 1));
    let blind = TlsOptions::new().danger_accept_invalid_certificates();
    for versions in [ONLY_1_2, ONLY_1_3] {
        let session = meets(&blind, &Arc::new(config(&expired, versions)), "b.test").unwrap();
        assert!(!session.verified);
        let pinned = blind.clone().assert_fingerprint(&sha256(&expired.chain[0]));
        let session = meets(&pinned, &Arc::new(config(&expired, versions)), "b.test").unwrap();
        assert!(session.verified);
    }
}

#[test]
fn a_certificate_can_be_given_in_pem_or_der() {
    let (root, other) = (Authority::new("root"), Authority::new("other"));
    let issued = root.issue(&["a.test"]);
    let der = [other.der().to_vec(), root.der().to_vec()].concat();
    let pem = format!("words\n{}{}", other.pem(), pem("CERTIFICATE", root.der()));
    for data in [der, pem.into_bytes()] {
        assert_eq!(kind(&TlsOptions::new().ca_cert_data(data), &issued, "a.test"), Ok(()));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}

fn sha1(bytes: &[u8]) -> String {
    use sha1::Digest as _;
    hex(&sha1::Sha1::digest(bytes))
}
