// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>The process at the other end of the control socket sent what no further byte could make right. The connection is closed.</summary>
public sealed class ControlProtocolException : Exception
{
    /// <param name="message">What was wrong, with the value.</param>
    public ControlProtocolException(string message)
        : base(message)
    {
    }

    /// <param name="message">What was wrong, with the value.</param>
    /// <param name="cause">What the JSON reader said.</param>
    public ControlProtocolException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
