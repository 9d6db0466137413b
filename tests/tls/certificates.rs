//! The matrix of certificates: each is accepted, or refused with its exact kind, over sockets: of an
//! origin, of one behind a tunnel, of one behind a proxy reached by TLS, and of that proxy.

use std::cell;

use httpool::{
    error::TlsKind,
    message::{Scheme, TlsId},
};
use httpool_blocking::{Reached, TlsOptions};
use httpool_tls_testing::{
    certificates::{Authority, Issued, self_signed},
    server::{BOTH, ONLY_1_2, ONLY_1_3, config},
};
use rcgen::{
    BasicConstraints, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, NameConstraints,
    PKCS_ECDSA_P521_SHA512, PKCS_ED25519, RsaKeySize, date_time_ymd,
};
use rustls::ServerConfig;

use crate::{
    calls::{Calls, HOST, Setup, tunnel},
    kind,
    server::{Server, proxy, secure_proxy_in_pieces},
};

with_each_driver!(
    each_certificate_is_accepted_or_refused_with_its_kind,
    each_certificate_behind_a_tunnel_is_accepted_or_refused_with_its_kind,
    each_certificate_behind_a_proxy_reached_by_tls_is_accepted_or_refused_with_its_kind,
    each_certificate_of_a_proxy_reached_by_tls_is_accepted_or_refused_with_its_kind,
);

/// A server's certificate, the settings of a client, and the outcome.
struct Cell {
    what: &'static str,
    issued: Issued,
    tls: TlsOptions,
    expected: Result<(), TlsKind>,
}

impl Cell {
    /// The host of the URL.
    fn host(&self) -> &'static str {
        match self.what {
            what if what.contains("address") => "127.0.0.1",
            what if what.contains("wildcard") => "x.b.test",
            _ => HOST,
        }
    }

    /// Makes a call, and compares its outcome.
    fn check<C: Calls>(&self, setup: Setup, url: &str) {
        let outcome = C::new(setup).get(url).map(|answer| assert_eq!(answer.body, b"hello"));
        let outcome = outcome.map_err(|error| {
            assert_eq!(error.reached(), Reached::Nothing, "{}", self.what);
            kind(&error)
        });
        assert_eq!(outcome, self.expected, "{}", self.what);
    }
}

/// Runs `check` for each cell, in both versions, and in pieces of at most so many bytes.
fn each(check: impl Fn(&Cell, ServerConfig, usize)) {
    let whole = usize::MAX;
    for cell in cells() {
        for (versions, piece) in
            [(ONLY_1_2, whole), (ONLY_1_3, whole), (ONLY_1_2, 5), (ONLY_1_3, 1)]
        {
            check(&cell, config(&cell.issued, versions), piece);
        }
    }
}

fn each_certificate_is_accepted_or_refused_with_its_kind<C: Calls>() {
    each(|cell, config, piece| {
        let server = Server::answering_in_pieces(config, piece);
        cell.check::<C>(Setup::new(cell.tls.clone(), server.port), &server.url(cell.host()));
        assert_eq!(server.accepted(), 1, "{}", cell.what);
    });
}

fn each_certificate_behind_a_tunnel_is_accepted_or_refused_with_its_kind<C: Calls>() {
    let proxy = proxy();
    each(|cell, config, piece| {
        let server = Server::answering_in_pieces(config, piece);
        let policy = tunnel(Scheme::Http, "proxy.test", proxy, TlsId::PROXY);
        let setup = Setup { policy, ..Setup::new(cell.tls.clone(), proxy) };
        cell.check::<C>(setup, &server.url(cell.host()));
        assert_eq!(server.accepted(), 1, "{}", cell.what);
    });
}

fn each_certificate_behind_a_proxy_reached_by_tls_is_accepted_or_refused_with_its_kind<C: Calls>() {
    let company = Authority::new("company");
    let issued = company.issue(&["proxy.test"]);
    let [whole, five, one] =
        [usize::MAX, 5, 1].map(|piece| secure_proxy_in_pieces(config(&issued, BOTH), piece).port);
    each(|cell, config, piece| {
        let server = Server::answering_in_pieces(config, usize::MAX);
        let proxy = match piece {
            1 => one,
            5 => five,
            _ => whole,
        };
        let policy = tunnel(Scheme::Https, "proxy.test", proxy, TlsId::PROXY);
        let proxy_tls = Some(TlsOptions::new().ca_cert_data(company.pem()));
        let setup = Setup { policy, proxy_tls, ..Setup::new(cell.tls.clone(), proxy) };
        cell.check::<C>(setup, &server.url(cell.host()));
        assert_eq!(server.accepted(), 1, "{}", cell.what);
    });
}

fn each_certificate_of_a_proxy_reached_by_tls_is_accepted_or_refused_with_its_kind<C: Calls>() {
    let inner = Authority::new("inner");
    let origin = Server::answering(config(&inner.issue(&["origin.test"]), BOTH), false);
    let accepted = cell::Cell::new(0);
    each(|cell, config, piece| {
        let proxy = secure_proxy_in_pieces(config, piece);
        let policy = tunnel(Scheme::Https, cell.host(), proxy.port, TlsId::PROXY);
        let proxy_tls = Some(cell.tls.clone());
        let tls = TlsOptions::new().ca_cert_data(inner.pem());
        let setup = Setup { policy, proxy_tls, ..Setup::new(tls, proxy.port) };
        cell.check::<C>(setup, &origin.url("origin.test"));
        assert_eq!(proxy.accepted(), 1, "{}", cell.what);
        // The proxy was not asked for a tunnel.
        accepted.set(accepted.get() + usize::from(cell.expected.is_ok()));
        assert_eq!(origin.accepted(), accepted.get(), "{}", cell.what);
    });
}

fn cells() -> Vec<Cell> {
    let root = Authority::new("root");
    let trusting = TlsOptions::new().ca_cert_data(root.pem());
    let mut cells = Vec::new();
    let mut add = |what, issued, expected| {
        cells.push(Cell { what, issued, tls: trusting.clone(), expected });
    };
    add("good", root.issue(&[HOST]), Ok(()));
    for (what, names, expected) in [
        ("the wrong name", &["b.test"][..], Err(TlsKind::Name)),
        ("no name", &[], Err(TlsKind::Name)),
        ("a wildcard", &["*.b.test"], Ok(())),
        ("a wildcard of another domain", &["*.c.test"], Err(TlsKind::Name)),
        ("a wildcard of the name itself", &["*.x.b.test"], Err(TlsKind::Name)),
        ("an address", &["127.0.0.1"], Ok(())),
        ("another address", &["127.0.0.2"], Err(TlsKind::Name)),
        ("an address as a name", &["a.test"], Err(TlsKind::Name)),
    ] {
        add(what, root.issue(names), expected);
    }
    let dated = |from, to| {
        root.issue_with(&[HOST], move |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        })
    };
    add("expired", dated(2001, 2002), Err(TlsKind::Expired));
    add("not yet valid", dated(2999, 3000), Err(TlsKind::NotYetValid));
    let usage = root.issue_with(&[HOST], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    add("for clients", usage, Err(TlsKind::Purpose));
    for (what, key) in [
        ("Ed25519", KeyPair::generate_for(&PKCS_ED25519).unwrap()),
        ("P-521", KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap()),
        ("RSA", KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()),
    ] {
        add(what, root.issue_key(&[HOST], key), Ok(()));
    }
    chains(&root, &mut add);
    trusts(&root, &mut cells);
    cells
}

fn chains(root: &Authority, add: &mut impl FnMut(&'static str, Issued, Result<(), TlsKind>)) {
    let one = root.intermediate("one", |_| {});
    let two = one.intermediate("two", |_| {});
    let odd = Authority::new("odd");
    add("intermediates in order", two.issue(&[HOST]).with(&two).with(&one), Ok(()));
    add("intermediates in disorder", two.issue(&[HOST]).with(&one).with(&two), Ok(()));
    let many = two.issue(&[HOST]).with(&odd).with(&one).with(root).with(&two);
    add("superfluous intermediates", many, Ok(()));
    add("a missing intermediate", two.issue(&[HOST]).with(&two), Err(TlsKind::Issuer));
    add("an unknown authority", odd.issue(&[HOST]), Err(TlsKind::Issuer));
    let short = root.intermediate("short", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let below = short.intermediate("below", |_| {});
    let long = below.issue(&[HOST]).with(&below).with(&short);
    add("a path that is too long", long, Err(TlsKind::Chain));
    let constrained = root.intermediate("constrained", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("b.test".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    });
    let outside = constrained.issue(&[HOST]).with(&constrained);
    add("a name outside the constraints", outside, Err(TlsKind::Chain));
    let none = root.intermediate("none", |params| params.is_ca = IsCa::ExplicitNoCa);
    add("issued by no authority", none.issue(&[HOST]).with(&none), Err(TlsKind::Chain));
}

/// Other settings of trust.
fn trusts(root: &Authority, cells: &mut Vec<Cell>) {
    let mut add = |what, issued, tls, expected| cells.push(Cell { what, issued, tls, expected });
    let trusting = || TlsOptions::new().ca_cert_data(root.pem());
    for is_ca in [IsCa::Ca(BasicConstraints::Unconstrained), IsCa::ExplicitNoCa, IsCa::NoCa] {
        let own = || self_signed(&[HOST], |params| params.is_ca = is_ca);
        let issued = own();
        let listed = TlsOptions::new().ca_cert_data(&issued.chain[0]);
        add("self-signed and listed", issued, listed, Ok(()));
        add("self-signed", own(), trusting(), Err(TlsKind::Issuer));
    }
    let blind = || TlsOptions::new().danger_accept_invalid_certificates();
    let wrong = || self_signed(&["b.test"], |params| params.not_after = date_time_ymd(2002, 1, 1));
    add("without verification", wrong(), blind(), Ok(()));
    let zeros = "00".repeat(32);
    add(
        "the wrong pin",
        root.issue(&[HOST]),
        trusting().assert_fingerprint(&zeros),
        Err(TlsKind::Pin),
    );
    let pinned = blind().assert_fingerprint(&zeros);
    add("the wrong pin, unverified", wrong(), pinned, Err(TlsKind::Pin));
    let other = root.issue(&["b.test"]);
    add("another name asserted", other, trusting().assert_hostname("b.test"), Ok(()));
    let any = trusting().danger_accept_any_hostname();
    add("any name", root.issue(&["b.test"]), any.clone(), Ok(()));
    add(
        "any name, unknown authority",
        Authority::new("odd").issue(&[HOST]),
        any,
        Err(TlsKind::Issuer),
    );
}
