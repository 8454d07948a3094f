// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest.Tests;

/// <summary>A port that reads what the script says: bytes, an empty array for a closed host end, null for a broken port.</summary>
internal sealed class ScriptedPort(Queue<byte[]?> script, CancellationTokenSource stopAtEnd) : IHostPort
{
    internal List<byte> Written { get; } = [];

    internal bool IsDisposed { get; private set; }

    public int Read(Span<byte> buffer)
    {
        if (!script.TryDequeue(out byte[]? bytes))
        {
            stopAtEnd.Cancel();
            return 0;
        }

        if (bytes is null)
        {
            throw new IOException("the port was unplugged");
        }

        bytes.CopyTo(buffer);
        return bytes.Length;
    }

    public void Write(ReadOnlySpan<byte> bytes) => Written.AddRange(bytes);

    public void Dispose() => IsDisposed = true;
}
