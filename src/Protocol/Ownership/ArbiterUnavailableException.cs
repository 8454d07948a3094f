// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Ownership;

/// <summary>
/// The arbiter gave no answer, or none that can be believed. This is not a lost claim: nothing is decided, so nobody may act as if it
/// were. The administrator must bring the shared directory back.
/// </summary>
public sealed class ArbiterUnavailableException : Exception
{
    /// <param name="message">What is wrong with which directory.</param>
    public ArbiterUnavailableException(string message)
        : base(message)
    {
    }

    /// <param name="message">What is wrong with which directory.</param>
    /// <param name="cause">What the system said.</param>
    public ArbiterUnavailableException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
