//! What the machine and the process must be like before models are loaded.

use anyhow::bail;

/// The binary is built for x86-64-v3 (see `.cargo/config.toml`): says so in words instead of an illegal instruction.
pub fn check_cpu() -> anyhow::Result<()> {
    #[cfg(target_arch = "x86_64")]
    for (name, there) in [
        ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
        ("FMA", std::arch::is_x86_feature_detected!("fma")),
        ("F16C", std::arch::is_x86_feature_detected!("f16c")),
        ("BMI2", std::arch::is_x86_feature_detected!("bmi2")),
    ] {
        if !there {
            bail!(
                "this build needs a CPU with {name} (x86-64-v3, about 2013 or later); build it from source for yours"
            );
        }
    }
    Ok(())
}

/// OpenMP's waiting threads spin unless told otherwise before the process starts, and spinning threads stall everything
/// else on a small machine: restarts this process once with the setting in its environment.
#[cfg(all(feature = "local", unix))]
pub fn passive_openmp() -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;
    const SETTING: &str = "OMP_WAIT_POLICY";
    if std::env::var_os(SETTING).is_some() {
        return Ok(());
    }
    let error = std::process::Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(SETTING, "passive")
        .exec();
    bail!("could not restart with {SETTING}=passive: {error}")
}
