// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Annotation;

/// <summary>What a domain's XML says about protection.</summary>
public enum AnnotationOutcome
{
    /// <summary>No annotation: the guest is none of our business.</summary>
    None,

    /// <summary>The user wants protection and said how.</summary>
    Valid,

    /// <summary>The user wants protection, but what was written cannot be followed: the reason must be shown.</summary>
    Malformed,
}
