//! Kernels by the hash that a certificate names, and held to what it says of them.

use omega_kernel::certificate::Binding;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;

use crate::failure::{Failure, HostCode};
use crate::platform::{Description, Platform};

/// The kernel that a certificate is bound to, once it was seen to say of itself what the certificate
/// says of it.
///
/// # Errors
/// `kernel-unknown` where it is not at hand, `binding-mismatch` where it is another version or
/// judges by another schema or catalog; what compiling it ran into.
pub async fn bound<P: Platform>(platform: &mut P, binding: &Binding) -> Result<P::Kernel, Failure> {
    let hash = &binding.kernel_hash;
    if !platform.holds(hash) {
        return Err(unknown(hash));
    }
    let kernel = platform.kernel(hash).await?;
    says(&binding_of(hash, &platform.describe(&kernel).await?)?, binding)?;
    Ok(kernel)
}

/// What the verdicts of a kernel are bound to.
///
/// # Errors
/// `kernel-output-invalid` where it names no schema.
pub fn binding_of(kernel_hash: &Hash, said: &Description) -> Result<Binding, Failure> {
    let Some(&schema_hash) = said.schemas.first() else {
        return Err(Failure::new(HostCode::KernelOutput, "the kernel names no schema"));
    };
    Ok(Binding {
        kernel_hash: *kernel_hash,
        checker_version: said.checker_version,
        schema_version: said.schema_version,
        schema_hash,
        predicate_hash: said.predicates,
    })
}

/// The kernel's own account of itself must be the one that it is bound by.
fn says(said: &Binding, binding: &Binding) -> Result<(), Failure> {
    let difference = if said.checker_version != binding.checker_version {
        "checker version"
    } else if said.schema_version != binding.schema_version {
        "schema version"
    } else if said.schema_hash != binding.schema_hash {
        "schema"
    } else if said.predicate_hash != binding.predicate_hash {
        "predicate catalog"
    } else {
        return Ok(());
    };
    let message = format!("the kernel that is named has another {difference} than is stated");
    Err(Fault::new(FaultCode::BindingMismatch, message).into())
}

/// The failure of a kernel that is not at hand.
pub fn unknown(hash: &Hash) -> Failure {
    let hash = crate::hex::encode(hash);
    let message = format!("the kernel {}… that judged is not at hand", &hash[..16]);
    Failure::new(HostCode::KernelUnknown, message)
        .hint(format!("Give its component with --kernel FILE; `b3sum FILE` must print {hash}."))
}
