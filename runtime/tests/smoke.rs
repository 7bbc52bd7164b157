use gocsp_runtime::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn join_value() {
    assert_eq!(run(|| spawn(|| 5).join().unwrap()), 5);
}
#[test]
fn plain_main() {
    assert_eq!(spawn(|| 7).join().unwrap(), 7);
}
#[test]
fn many() {
    run(|| {
        let n = Arc::new(AtomicUsize::new(0));
        let hs: Vec<_> = (0..10_000)
            .map(|_| {
                let n = n.clone();
                spawn(move || {
                    n.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        for h in hs {
            h.join().unwrap();
        }
        assert_eq!(n.load(Ordering::Relaxed), 10_000);
        assert_eq!(num_goroutines(), 1);
    });
}
#[test]
fn panics() {
    let e = run(|| {
        spawn(|| {
            if true {
                panic!("boom {}", 1)
            }
        })
        .join()
        .unwrap_err()
    });
    assert_eq!(e.downcast_ref::<&str>().unwrap(), &"boom 1");
}
#[test]
fn sleeps() {
    run(|| {
        let t = Instant::now();
        sleep(Duration::from_millis(20));
        assert!(t.elapsed() >= Duration::from_millis(20));
        println!("{:?}", t.elapsed());
        let t = Instant::now();
        for _ in 0..100 {
            sleep(Duration::from_micros(50));
        }
        println!("50us: {:?}", t.elapsed() / 100);
    });
}
#[test]
fn shutdown_unwinds() {
    struct D(Arc<AtomicUsize>);
    impl Drop for D {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let n = Arc::new(AtomicUsize::new(0));
    let m = n.clone();
    run(move || {
        for _ in 0..1000 {
            let d = D(m.clone());
            spawn(move || {
                let _d = d;
                sleep(Duration::from_secs(1000));
            });
        }
        sleep(Duration::from_millis(5));
    });
    assert_eq!(n.load(Ordering::SeqCst), 1000);
}
#[test]
fn scoped() {
    let v = vec![1, 2, 3];
    let s: i32 = run(|| {
        scope(|s| {
            let h: Vec<_> = v.iter().map(|x| s.go(move || *x)).collect();
            h.into_iter().map(|h| h.join().unwrap()).sum()
        })
    });
    assert_eq!(s, 6);
}
#[test]
fn yields() {
    run(|| {
        for _ in 0..3 {
            spawn(|| {
                for _ in 0..1000 {
                    yield_now()
                }
            });
        }
        for _ in 0..1000 {
            yield_now()
        }
    });
}
#[test]
fn block() {
    run(|| {
        let hs: Vec<_> = (0..20)
            .map(|i| {
                spawn(move || {
                    blocking(move || {
                        std::thread::sleep(Duration::from_millis(10));
                        i
                    })
                })
            })
            .collect();
        let t = Instant::now();
        assert_eq!(hs.into_iter().map(|h| h.join().unwrap()).sum::<i32>(), 190);
        println!("{:?}", t.elapsed());
    });
}
#[test]
fn procs() {
    run(|| {
        let o = set_max_procs(4);
        assert_eq!(max_procs(), 4);
        let n = Arc::new(AtomicUsize::new(0));
        for p in [1, 3, 2, 4, 1] {
            set_max_procs(p);
            let hs: Vec<_> = (0..100)
                .map(|_| {
                    let n = n.clone();
                    spawn(move || {
                        for _ in 0..10 {
                            yield_now();
                        }
                        n.fetch_add(1, Ordering::Relaxed);
                    })
                })
                .collect();
            for h in hs {
                h.join().unwrap();
            }
        }
        set_max_procs(o);
    });
}
#[test]
fn migrates() {
    let rt = unsafe { Runtime::builder().procs(4).migrate() }.build().unwrap();
    rt.run(|| {
        let hs: Vec<_> = (0..100)
            .map(|i| {
                spawn(move || {
                    for _ in 0..100 {
                        yield_now();
                        if i % 10 == 0 {
                            sleep(Duration::from_micros(10));
                        }
                    }
                    i
                })
            })
            .collect();
        assert_eq!(hs.into_iter().map(|h| h.join().unwrap()).sum::<usize>(), 4950);
    });
    drop(rt);
}
