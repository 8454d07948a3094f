// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Threading.Channels;
using System.Xml;
using System.Xml.Linq;
using Hikae.Native.Libvirt;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>Writes the state into the running domain's metadata, where virsh and others see it. On a thread of its own: libvirt may take its time.</summary>
internal sealed class MetadataStatus : IDisposable
{
    private const int MaxReasonChars = 1000;

    // A libvirtd that does not answer must not keep the process.
    private static readonly TimeSpan PatienceAtTheEnd = TimeSpan.FromSeconds(2);

    private readonly Capture.GuestConnection _guest;
    private readonly Capture.QemuProcess _process;
    private readonly DomainTitle _title;
    private readonly ILogger _logger;

    // Only the newest state is of interest.
    private readonly Channel<GuestStatus> _newest = Channel.CreateBounded<GuestStatus>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly Thread _thread;

    public MetadataStatus(Capture.GuestConnection guest, Capture.QemuProcess process, DomainTitle title, StatusBoard status, ILogger logger)
    {
        _guest = guest;
        _process = process;
        _title = title;
        _logger = logger;
        status.Changed += changed => _newest.Writer.TryWrite(changed);
        _newest.Writer.TryWrite(status.Current);
        _thread = new Thread(Run) { IsBackground = true, Name = "metadata" };
        _thread.Start();
    }

    /// <summary>A guest that runs on has the administrator's title again.</summary>
    public void Dispose()
    {
        _newest.Writer.TryComplete();
        // libvirt, which ends a guest, waits for this process and would not answer it.
        if (!_title.IsOwn && !_process.HasExited)
        {
            _thread.Join(PatienceAtTheEnd);
        }
    }

    private void Run()
    {
        while (_newest.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (_newest.Reader.TryRead(out GuestStatus? status))
            {
                Write(status);
            }
        }
        try
        {
            _title.Restore();
        }
        catch (Exception)
        {
            // Of a guest that is gone nothing is left to restore.
        }
    }

    private void Write(GuestStatus status)
    {
        try
        {
            var element = new XElement("status", new XAttribute("state", JsonName(status.State)));
            if (status.Peer is not null)
            {
                element.Add(new XAttribute("peer", Writable(status.Peer)));
            }
            if (status.Reason is not null)
            {
                element.Add(new XAttribute("reason", Writable(status.Reason)));
            }
            _guest.Domain.SetMetadataElement(element.ToString(SaveOptions.DisableFormatting), "hikae-status", HikaeNamespaces.Status, DomainAffect.Live);
            _title.Show(status);
        }
        catch (Exception error)
        {
            // This is for people to see; nothing that goes wrong here may end the process.
            if (status.State is not (GuestState.Ending or GuestState.Fenced))
            {
                _logger.MetadataFailed(error.Message);
            }
        }
    }

    /// <summary>A reason may quote the peer: what XML cannot hold is replaced, and nobody reads more than this in a status.</summary>
    private static string Writable(string reason) =>
        string.Concat(reason.Take(MaxReasonChars).Select(character => XmlConvert.IsXmlChar(character) ? character : '?'));

    private static string JsonName(GuestState state) => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(state.ToString());
}
