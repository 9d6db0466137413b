//! Tests of TLS over real sockets, with certificates made at run time. Each test runs with every
//! driver.

#![cfg(not(any(httpool_std_only, httpool_mutations)))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;

/// Runs each test with every driver.
macro_rules! with_each_driver {
    ($($test:ident),+ $(,)?) => {
        with_each_driver!(blocking: crate::calls::Blocking => $($test),+);
    };
    ($driver:ident: $client:path => $($test:ident),+) => {
        mod $driver {
            $(
                #[test]
                fn $test() {
                    super::$test::<$client>();
                }
            )+
        }
    };
}

mod exchanges;
